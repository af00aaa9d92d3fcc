using Npgsql;
using NpgsqlTypes;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Commands with positional parameters, and the snapshot that several of them share.</summary>
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

    public static NpgsqlBatchCommand Statement(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    public static NpgsqlParameter Value(long value) => new NpgsqlParameter<long> { TypedValue = value };

    public static NpgsqlParameter Value(int value) => new NpgsqlParameter<int> { TypedValue = value };

    public static NpgsqlParameter Value(DateOnly value) => new NpgsqlParameter<DateOnly> { TypedValue = value };

    /// <summary>The ends of the calendar are -infinity and infinity in the database.</summary>
    public static NpgsqlParameter Value(DateTimeOffset value) => new NpgsqlParameter<DateTime> { TypedValue = value.UtcDateTime };

    public static NpgsqlParameter Value(string? value) => new() { Value = value ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    public static ReadOnlySpan<NpgsqlParameter> Values(DrawBound bound) =>
        new[] { Value(bound.ExpirationDate), Value(bound.CreatedAt), Value(bound.LotId) };
}
