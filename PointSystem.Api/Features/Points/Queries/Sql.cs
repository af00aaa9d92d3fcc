using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>What the reads have in common: the snapshot that several statements share, page limits and bounds.</summary>
internal static class Sql
{
    /// <summary>Ends the snapshot.</summary>
    public const string Commit = "COMMIT";

    /// <summary>Starts a snapshot: what follows, up to <see cref="Commit"/>, sees one state of the database.</summary>
    public const string Snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

    /// <summary>
    /// What any page needs at most. A limit that is a parameter is unknown to a plan made once for all values, which then may prefer sorting
    /// everything to walking an index; this one, inside of it, tells how little is wanted. It costs nothing: rows are pulled one by one.
    /// </summary>
    public const string PageMax = "LIMIT 101";

    public static ReadOnlySpan<NpgsqlParameter> Values(DrawBound bound) =>
        new[] { Columns.Value(bound.ExpirationDate), Columns.Value(bound.CreatedAt), Columns.Value(bound.LotId) };
}
