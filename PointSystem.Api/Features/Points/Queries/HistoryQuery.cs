using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A page of a member's history.</summary>
internal static class HistoryQuery
{
    /// <summary>Reads up to <paramref name="size"/> groups before a sequence, newest first.</summary>
    public static async Task<Page<HistoryItem>> ReadAsync(
        NpgsqlDataSource database, HistoryFilter filter, long before, int size, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
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
                items.Add(ReadItem(reader, entries = []));
            }

            var entry = new HistoryEntry(reader.GetInt64(7), reader.GetString(11), reader.GetInt64(8));
            entries.Add(entry);
            items[^1] = items[^1] with { Amount = items[^1].Amount + entry.Amount, BalanceAfter = reader.GetInt64(9) };
        }

        return new Page<HistoryItem>(items, heads > items.Count ? filter.CursorAfter(first) : null);
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

    private static HistoryItem ReadItem(NpgsqlDataReader reader, List<HistoryEntry> entries) => new(
        reader.GetString(3),
        reader.GetString(2),
        Amount: 0,
        BalanceAfter: 0,
        reader.IsDBNull(6) ? null : reader.GetString(6),
        reader.GetFieldValue<DateTimeOffset>(10),
        reader.GetString(4),
        reader.IsDBNull(5) ? null : reader.GetString(5),
        entries);
}
