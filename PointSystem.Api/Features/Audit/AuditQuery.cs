using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Audit;

/// <summary>Selects a part of the audit; what is null selects all.</summary>
/// <param name="Actor">Only what this actor did.</param>
/// <param name="Action">Only this action, as spelled in the API.</param>
/// <param name="Target">Only what was done to this.</param>
/// <param name="From">Only from this moment on.</param>
/// <param name="To">Only before this moment.</param>
internal sealed record AuditFilter(string? Actor, string? Action, string? Target, DateTimeOffset? From, DateTimeOffset? To)
{
    // Length-prefixed: an actor may contain any character, so a separator alone could make two filters look the same.
    private string List => string.Create(
        CultureInfo.InvariantCulture, $"audit:{Action}:{From?.UtcTicks}:{To?.UtcTicks}:{Actor?.Length}:{Actor}:{Target?.Length}:{Target}");

    public string CursorAfter(AuditEntryResponse last) => Cursor.Write(List, last.OccurredAt.UtcTicks, last.Id);

    /// <summary>Reads the place after which a page starts. False if the text is not a cursor of this list.</summary>
    public bool TryReadCursor(string text, out (DateTimeOffset At, long Id) last)
    {
        Span<long> parts = stackalloc long[2];
        last = default;
        if (!Cursor.TryRead(List, text, parts) || parts[0] < DateTimeOffset.MinValue.Ticks || parts[0] > DateTimeOffset.MaxValue.Ticks)
        {
            return false;
        }

        last = (new DateTimeOffset(parts[0], TimeSpan.Zero), parts[1]);
        return true;
    }
}

/// <summary>Reads pages of the audit.</summary>
internal static class AuditQuery
{
    /// <summary>The fields of an entry, in the order in which <see cref="Read"/> reads them.</summary>
    public const string Fields = "id, occurred_at, actor, address, forwarded_for, trace_id, action, target, before, after";

    /// <summary>Reads up to <paramref name="size"/> entries, newest first.</summary>
    public static Task<AuditResponse> ReadAsync(
        NpgsqlDataSource database, AuditFilter filter, (DateTimeOffset At, long Id)? after, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, filter, after, size, cancellationToken), cancellationToken);

    public static AuditEntryResponse Read(NpgsqlDataReader reader, int first = 0) => new(
        reader.GetInt64(first),
        reader.GetFieldValue<DateTimeOffset>(first + 1),
        reader.GetString(first + 2),
        reader.TextOrNull(first + 3),
        reader.TextOrNull(first + 4),
        reader.TextOrNull(first + 5),
        reader.GetString(first + 6),
        reader.GetString(first + 7),
        ObjectOrNull(reader, first + 8),
        ObjectOrNull(reader, first + 9));

    private static async Task<AuditResponse> ReadAsync(
        NpgsqlConnection connection, AuditFilter filter, (DateTimeOffset At, long Id)? after, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Describe(filter, after, size));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var items = new List<AuditEntryResponse>();
        while (await reader.ReadAsync(cancellationToken))
        {
            items.Add(Read(reader));
        }

        // One row more than requested shows whether there is a next page.
        return items.Count > size
            ? new AuditResponse(items.GetRange(0, size), filter.CursorAfter(items[size - 1]))
            : new AuditResponse(items, null);
    }

    /// <summary>Each filter has its own condition, so that the plan uses the index of that filter; all of them end with the order of the list.</summary>
    private static NpgsqlBatchCommand Describe(AuditFilter filter, (DateTimeOffset At, long Id)? after, int size)
    {
        var sql = new StringBuilder($"SELECT {Fields} FROM admin_audit WHERE true");
        var values = new List<NpgsqlParameter>();
        string Add(NpgsqlParameter value)
        {
            values.Add(value);
            return string.Create(CultureInfo.InvariantCulture, $"${values.Count}");
        }

        void Where(string condition, NpgsqlParameter value) => sql.Append(" AND ").Append(condition).Append(' ').Append(Add(value));

        if (filter.Actor is { } actor)
        {
            Where("actor =", Columns.Value(actor));
        }

        if (filter.Action is { } action)
        {
            Where("action =", Columns.Value(action));
        }

        if (filter.Target is { } target)
        {
            Where("target =", Columns.Value(target));
        }

        if (filter.From is { } from)
        {
            Where("occurred_at >=", Columns.Value(from));
        }

        if (filter.To is { } to)
        {
            Where("occurred_at <", Columns.Value(to));
        }

        if (after is { } last)
        {
            sql.Append(" AND (occurred_at, id) < (").Append(Add(Columns.Value(last.At))).Append(", ")
                .Append(Add(Columns.Value(last.Id))).Append(')');
        }

        sql.Append(" ORDER BY occurred_at DESC, id DESC LIMIT ").Append(Add(Columns.Value(size + 1)));
        return Columns.Statement(sql.ToString(), [.. values]);
    }

    private static IReadOnlyDictionary<string, JsonElement>? ObjectOrNull(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : JsonSerializer.Deserialize(reader.GetString(column), PointJsonContext.Wire.IReadOnlyDictionaryStringJsonElement);
}
