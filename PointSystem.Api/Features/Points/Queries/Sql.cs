using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>SQL that several reads share: snapshots, page limits and bounds.</summary>
internal static class Sql
{
    /// <summary>Ends the snapshot.</summary>
    public const string Commit = "COMMIT";

    /// <summary>Starts a snapshot: the statements up to <see cref="Commit"/> see one state of the database.</summary>
    public const string Snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

    /// <summary>
    /// The maximum that any page needs. A generic plan does not know a limit that is a parameter, and may prefer sorting all rows to
    /// walking an index. This constant limit inside it shows how few rows are needed. It costs nothing, because rows are pulled one by
    /// one.
    /// </summary>
    public const string PageMax = "LIMIT 101";

    public static ReadOnlySpan<NpgsqlParameter> Values(DrawBound bound) =>
        new[] { Columns.Value(bound.ExpirationDate), Columns.Value(bound.CreatedAt), Columns.Value(bound.LotId) };
}
