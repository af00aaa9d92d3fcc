using Npgsql;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Replays the whole ledger of some members, entry by entry, and compares the result with all other stored rows. Independent of the service's code.
/// </summary>
internal static class LedgerReplay
{
    private const string Entries =
        """
        SELECT member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after
        FROM point_ledger_entries WHERE member_id = ANY ($1) ORDER BY member_id, sequence
        """;

    private const string Lots = "SELECT member_id, lot_id, amount, available_amount FROM point_accumulations WHERE member_id = ANY ($1)";

    private const string Usages = "SELECT member_id, point_key, total_amount, cancelled_amount FROM point_usages WHERE member_id = ANY ($1)";

    private static readonly string[] Opening = ["ACCUMULATE", "REGRANT", "TRANSFER_IN"];

    /// <summary>Fails if any stored row of these members differs from the replay.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="members">The members, including both sides of all their transfers.</param>
    public static async Task AssertStoredAsync(string connectionString, params IReadOnlyCollection<long> members)
    {
        var problems = new List<string>();
        var entries = await ReadAsync(connectionString, Entries, members, row => new Entry(
            row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetString(3), row.GetString(4), row.GetInt64(5), row.GetInt64(6), row.GetInt64(7)));
        var lots = new Dictionary<(long Member, long Lot), long>();
        foreach (var ofMember in entries.GroupBy(entry => entry.Member))
        {
            Replay([.. ofMember], lots, problems);
        }

        var stored = await ReadAsync(
            connectionString, Lots, members, row => (Key: (row.GetInt64(0), row.GetInt64(1)), Amount: row.GetInt64(2), Available: row.GetInt64(3)));
        problems.AddRange(stored.Where(lot => lots.GetValueOrDefault(lot.Key, long.MinValue) != lot.Available)
            .Select(lot => $"lot {lot.Key}: {lot.Available} stored, {lots.GetValueOrDefault(lot.Key)} by the ledger"));
        if (stored.Count != lots.Count)
        {
            problems.Add($"{stored.Count} lots are stored, the ledger has {lots.Count}");
        }

        // A point key identifies one event: one group of entries of a member.
        problems.AddRange(entries.GroupBy(entry => (entry.Member, entry.PointKey, entry.Kind))
            .Where(key => key.Select(entry => entry.Group).Distinct().Count() > 1)
            .Select(key => $"{key.Key} has more than one group of entries"));
        var used = entries.Where(entry => entry.Kind == "USE").GroupBy(entry => (entry.Member, entry.PointKey))
            .ToDictionary(key => key.Key, key => -key.Sum(entry => entry.Delta));
        var usages = await ReadAsync(
            connectionString, Usages, members, row => (Key: (row.GetInt64(0), row.GetString(1)), Total: row.GetInt64(2), Cancelled: row.GetInt64(3)));
        problems.AddRange(usages.Where(usage => used.GetValueOrDefault(usage.Key) != usage.Total)
            .Select(usage => $"usage {usage.Key}: {usage.Total} stored, {used.GetValueOrDefault(usage.Key)} by the ledger"));
        problems.AddRange(usages.Where(usage => usage.Cancelled > usage.Total).Select(usage => $"usage {usage.Key}: more is cancelled than was used"));
        if (usages.Count != used.Count)
        {
            problems.Add($"{usages.Count} usages are stored, the ledger has {used.Count}");
        }

        problems.AddRange(entries.Where(entry => entry.Kind is "TRANSFER_OUT" or "TRANSFER_IN").GroupBy(entry => entry.PointKey)
            .Where(key => key.Sum(entry => entry.Delta) != 0)
            .Select(key => $"transfer {key.Key} adds a different amount than it takes"));
        Assert.Empty(problems);
        await Books.AssertBalancedAsync(connectionString, members);
    }

    private static void Replay(List<Entry> entries, Dictionary<(long Member, long Lot), long> lots, List<string> problems)
    {
        var balance = 0L;
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            var lot = (entry.Member, entry.Lot);
            balance += entry.Delta;
            if (entry.Sequence != i + 1)
            {
                problems.Add($"member {entry.Member}: entry {i + 1} has sequence {entry.Sequence}");
            }
            if (entry.BalanceAfter != balance || balance < 0)
            {
                problems.Add($"member {entry.Member}: balance {balance} after entry {entry.Sequence}, which says {entry.BalanceAfter}");
            }
            if (lots.ContainsKey(lot) == Opening.Contains(entry.Kind))
            {
                problems.Add($"{entry} {(lots.ContainsKey(lot) ? "opens a lot that exists" : "changes a lot that does not")}");
            }
            lots[lot] = lots.GetValueOrDefault(lot) + entry.Delta;
            if (lots[lot] < 0)
            {
                problems.Add($"lot {lot}: {lots[lot]} after entry {entry.Sequence}");
            }
            var isFirstOfGroup = entry.Group == entry.Sequence;
            if (!isFirstOfGroup && (i == 0 || entries[i - 1].Group != entry.Group))
            {
                problems.Add($"{entry} is separated from its group");
            }
        }
    }

    private static Task<IReadOnlyList<T>> ReadAsync<T>(string database, string sql, IReadOnlyCollection<long> members, Func<NpgsqlDataReader, T> read) =>
        Books.RowsAsync(database, sql, read, (object)members.ToArray());

    private sealed record Entry(long Member, long Sequence, long Group, string Kind, string PointKey, long Lot, long Delta, long BalanceAfter);
}
