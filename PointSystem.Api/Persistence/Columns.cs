using NpgsqlTypes;
using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>Statements with positional parameters: single values, and one array for each column of a set of rows; and columns that are read.</summary>
internal static class Columns
{
    public static NpgsqlBatchCommand Statement(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    public static NpgsqlParameter Longs<T>(IReadOnlyCollection<T> rows, Func<T, long> value) => Of(rows, value, NpgsqlDbType.Bigint);

    public static NpgsqlParameter Ints<T>(IReadOnlyCollection<T> rows, Func<T, int> value) => Of(rows, value, NpgsqlDbType.Integer);

    public static NpgsqlParameter Shorts<T>(IReadOnlyCollection<T> rows, Func<T, short> value) => Of(rows, value, NpgsqlDbType.Smallint);

    public static NpgsqlParameter Flags<T>(IReadOnlyCollection<T> rows, Func<T, bool> value) => Of(rows, value, NpgsqlDbType.Boolean);

    public static NpgsqlParameter Texts<T>(IReadOnlyCollection<T> rows, Func<T, string?> value) => Of(rows, value, NpgsqlDbType.Text);

    public static NpgsqlParameter Dates<T>(IReadOnlyCollection<T> rows, Func<T, DateOnly> value) => Of(rows, value, NpgsqlDbType.Date);

    public static NpgsqlParameter Instants<T>(IReadOnlyCollection<T> rows, Func<T, DateTimeOffset> value) =>
        Of(rows, row => value(row).UtcDateTime, NpgsqlDbType.TimestampTz);

    public static NpgsqlParameter Bytes<T>(IReadOnlyCollection<T> rows, Func<T, byte[]> value) => Of(rows, value, NpgsqlDbType.Bytea);

    public static NpgsqlParameter Value<T>(T value)
        where T : struct => new NpgsqlParameter<T> { TypedValue = value };

    /// <summary>The minimum and maximum values are -infinity and infinity in the database.</summary>
    public static NpgsqlParameter Value(DateTimeOffset value) => new NpgsqlParameter<DateTime> { TypedValue = value.UtcDateTime };

    public static NpgsqlParameter Value(byte[] value) => new NpgsqlParameter<byte[]> { TypedValue = value };

    public static NpgsqlParameter Value(string? value) => new() { Value = value ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    /// <summary>The text of a column that may be NULL.</summary>
    public static string? TextOrNull(this NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    /// <summary>The number of the first column, which may be NULL.</summary>
    public static long? LongOrNull(NpgsqlDataReader reader) => reader.IsDBNull(0) ? null : reader.GetInt64(0);

    /// <summary>The instant of a column that may be NULL.</summary>
    public static DateTimeOffset? InstantOrNull(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);

    /// <summary>The instant as a column keeps it: cut to microseconds, so that an answer and later reads are equal.</summary>
    public static DateTimeOffset AsStored(DateTimeOffset instant) =>
        new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    private static NpgsqlParameter<TValue[]> Of<TRow, TValue>(IReadOnlyCollection<TRow> rows, Func<TRow, TValue> value, NpgsqlDbType type)
    {
        var values = new TValue[rows.Count];
        var i = 0;
        foreach (var row in rows)
        {
            values[i++] = value(row);
        }

        return new NpgsqlParameter<TValue[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type };
    }
}
