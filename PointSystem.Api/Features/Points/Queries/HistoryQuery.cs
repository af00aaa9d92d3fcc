using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Reads pages of a member's history.</summary>
internal static class HistoryQuery
{
    /// <summary>Reads up to <paramref name="size"/> groups before a sequence, newest first.</summary>
    public static Task<Page<HistoryItem>> ReadAsync(
        NpgsqlDataSource database, HistoryFilter filter, long before, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, filter, before, size, cancellationToken), cancellationToken);

    private static async Task<Page<HistoryItem>> ReadAsync(
        NpgsqlConnection connection, HistoryFilter filter, long before, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Describe(filter, before, size));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var items = new List<HistoryItem>();
        var entries = new List<HistoryEntry>();
        var (first, heads) = (0L, 0L);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (reader.GetInt64(0) != first)
            {
                (first, heads) = (reader.GetInt64(0), reader.GetInt64(1));
                items.Add(ReadItem(reader, filter.MemberId, entries = []));
            }

            entries.Add(new HistoryEntry(reader.GetInt64(7), reader.GetString(11), reader.GetInt64(8)));
        }

        return new Page<HistoryItem>(items, heads > items.Count ? filter.CursorAfter(first) : null);
    }

    /// <summary>Reads the cursor for the further entries of an item. False if the text is not such a cursor for this member.</summary>
    public static bool TryReadEntriesCursor(long memberId, string text, out long first, out long last)
    {
        Span<long> parts = stackalloc long[2];
        var read = Cursor.TryRead(EntriesList(memberId), text, parts);
        (first, last) = (parts[0], parts[1]);
        return read;
    }

    /// <summary>Reads up to <paramref name="size"/> entries of one item, from one sequence to the last of the item.</summary>
    public static Task<Page<HistoryEntry>> ReadEntriesAsync(
        NpgsqlDataSource database, long memberId, long first, long last, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadEntriesAsync(connection, memberId, first, last, size, cancellationToken), cancellationToken);

    private static async Task<Page<HistoryEntry>> ReadEntriesAsync(
        NpgsqlConnection connection, long memberId, long first, long last, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            HistorySql.Entries, Columns.Value(memberId), Columns.Value(first), Columns.Value(last), Columns.Value(size)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var entries = new List<HistoryEntry>();
        while (await reader.ReadAsync(cancellationToken))
        {
            entries.Add(new HistoryEntry(reader.GetInt64(0), reader.GetString(2), reader.GetInt64(1)));
        }

        return new Page<HistoryEntry>(entries, NextEntries(memberId, first + size, last));
    }

    private static NpgsqlBatchCommand Describe(HistoryFilter filter, long before, int size)
    {
        var (member, sequence, count) = (Columns.Value(filter.MemberId), Columns.Value(before), Columns.Value(size + 1));
        return filter switch
        {
            { OrderNumber: { } order } => Columns.Statement(HistorySql.OfOrder, member, sequence, count, Columns.Value(order), Columns.Value(filter.Kind)),
            { Kind: { } kind } => Columns.Statement(HistorySql.OfKind, member, sequence, count, Columns.Value(kind)),
            _ => Columns.Statement(HistorySql.Newest, member, sequence, count),
        };
    }

    private static HistoryItem ReadItem(NpgsqlDataReader reader, long memberId, List<HistoryEntry> entries)
    {
        var (first, last) = (reader.GetInt64(0), reader.GetInt64(12));
        return new(
            reader.GetString(3),
            reader.GetString(2),
            reader.GetInt64(14) - reader.GetInt64(13),
            reader.GetInt64(14),
            reader.TextOrNull(6),
            reader.GetFieldValue<DateTimeOffset>(10),
            reader.GetString(4),
            reader.TextOrNull(5),
            entries,
            last - first + 1,
            NextEntries(memberId, first + InnerLists.SizeMax, last));
    }

    /// <summary>The cursor of the entries from one sequence to another; null if there are none.</summary>
    public static string? NextEntries(long memberId, long next, long last) => next <= last ? Cursor.Write(EntriesList(memberId), next, last) : null;

    private static string EntriesList(long memberId) => $"entries:{memberId}";
}
