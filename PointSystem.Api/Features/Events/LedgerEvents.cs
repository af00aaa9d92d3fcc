using System.Globalization;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Events;

/// <summary>The first ledger entry of an event, as <see cref="EventSql.Page"/> reads it.</summary>
internal sealed record FirstEntry(
    EventCursor Cursor, string Kind, string PointKey, string Actor, string? Reason, DateTimeOffset OccurredAt, long BalanceAfter, long Delta, long LotId)
{
    public static FirstEntry Read(NpgsqlDataReader reader) => new(
        EventCursor.Read(reader, 0), reader.GetString(3), reader.GetString(4), reader.GetString(5), reader.TextOrNull(6),
        reader.GetFieldValue<DateTimeOffset>(7), reader.GetInt64(8), reader.GetInt64(9), reader.GetInt64(10));
}

/// <summary>
/// Makes the events of the first ledger entries of a page. What these do not say is looked up for all of them together, and for entries that follow each
/// other only once: those of a batch often belong to one member and one accumulation. It never changes, so the snapshot of the entries is not needed.
/// </summary>
internal sealed class LedgerEvents
{
    private readonly List<FirstEntry> _entries;
    private readonly Dictionary<(long MemberId, long LotId), EventDetail> _lots = [];
    private readonly Dictionary<(long MemberId, long UsageId), Usage> _usages = [];
    private readonly Dictionary<(long MemberId, long Sequence), Group> _groups = [];

    private LedgerEvents(List<FirstEntry> entries) => _entries = entries;

    /// <summary>Makes the events of entries that are in order and without a gap. An event with one detail has it.</summary>
    public static async Task<List<EventHead>> MakeAsync(NpgsqlConnection connection, List<FirstEntry> entries, CancellationToken cancellationToken)
    {
        if (entries.Count == 0)
        {
            return [];
        }

        var events = new LedgerEvents(entries);
        await events.LookUpAsync(connection, cancellationToken);
        return [.. Enumerable.Range(0, entries.Count).Select(events.Make)];
    }

    private async Task LookUpAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var (lots, groups, runs) = (new List<FirstEntry>(), new List<FirstEntry>(), new List<(FirstEntry First, FirstEntry Last)>());
        var hasRun = false;
        for (var i = 0; i < _entries.Count; i++)
        {
            var (entry, isNext) = (_entries[i], i > 0 && IsFollowed(i - 1));
            if (!isNext || entry.LotId != _entries[i - 1].LotId)
            {
                lots.Add(entry);
            }

            // What lies between the usages of one member that follow each other is on the page too.
            hasRun &= isNext;
            switch (entry.Kind)
            {
                case "USE" when hasRun:
                    runs[^1] = (runs[^1].First, entry);
                    break;
                case "USE":
                    runs.Add((entry, entry));
                    hasRun = true;
                    break;
                case "USE_CANCEL" or "REGRANT" or "TRANSFER_OUT" or "TRANSFER_IN":
                    groups.Add(entry);
                    break;
            }
        }

        // Only the last of a run may need more than its order. It is looked up for itself, so that it has a row even if it does not exist.
        var usages = new List<(FirstEntry Entry, long First, long Last)>();
        foreach (var (first, entry) in runs)
        {
            var last = entry.Cursor.Sequence;
            if (first.Cursor.Sequence < last)
            {
                usages.Add((entry, first.Cursor.Sequence, last - 1));
            }

            usages.Add((entry, last, last));
        }

        // One statement for each list. An empty list costs little.
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(EventSql.OnePlan));
        batch.BatchCommands.Add(Columns.Statement(
            EventSql.Lots, Columns.Longs(lots, entry => entry.Cursor.MemberId), Columns.Longs(lots, entry => entry.LotId)));
        batch.BatchCommands.Add(Columns.Statement(
            EventSql.Usages,
            Columns.Longs(usages, usage => usage.Entry.Cursor.MemberId),
            Columns.Longs(usages, usage => usage.First),
            Columns.Longs(usages, usage => usage.Last),
            Columns.Longs(usages, usage => -usage.Entry.Delta)));
        batch.BatchCommands.Add(Columns.Statement(
            EventSql.Groups,
            Columns.Longs(groups, entry => entry.Cursor.MemberId),
            Columns.Longs(groups, entry => entry.Cursor.Sequence),
            Columns.Texts(groups, entry => entry.Kind),
            Columns.Texts(groups, entry => entry.PointKey)));
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await ReadAsync(reader, _lots, static row => EventFeed.ReadDetail(row, 2, amount: 0), cancellationToken);
        await ReadAsync(reader, _usages, static row => Usage.Read(row, 2), cancellationToken);
        await ReadAsync(reader, _groups, static row => Group.Read(row, 2), cancellationToken);
    }

    /// <summary>Reads the rows of one list, which start with their keys. Entries that do not follow each other can have the same accumulation.</summary>
    private static async Task ReadAsync<T>(
        NpgsqlDataReader reader, Dictionary<(long, long), T> found, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken))
        {
            found[(reader.GetInt64(0), reader.GetInt64(1))] = read(reader);
        }

        await reader.NextResultAsync(cancellationToken);
    }

    private EventHead Make(int index)
    {
        var entry = _entries[index];
        var lot = _lots[(entry.Cursor.MemberId, entry.LotId)];
        var (member, sequence) = (entry.Cursor.MemberId, entry.Cursor.Sequence);
        var (group, before) = (_groups.GetValueOrDefault((member, sequence)), entry.BalanceAfter - entry.Delta);

        // A cancellation can have two groups: restored points, then points granted again. They are one event, at the first of them.
        if (group?.CancellationStart is { } start && start != sequence)
        {
            return new EventHead(entry.Cursor, 0, null);
        }

        // The ledger says what a usage took, whatever the usage says: before the member's next event, if that is on the page.
        var usage = entry.Kind == "USE" ? _usages.GetValueOrDefault((member, sequence)) : null;
        var (last, balance) = (entry.Kind, group, usage) switch
        {
            (_, { } known, _) => (known.Last, known.BalanceAfter),
            ("USE", _, _) when IsFollowed(index) => (_entries[index + 1].Cursor.Sequence - 1, _entries[index + 1].BalanceAfter - _entries[index + 1].Delta),
            (_, _, { Last: { } end, BalanceAfter: { } after }) => (end, after),
            _ => (sequence, entry.BalanceAfter),
        };
        List<EventDetail> details = last == sequence
            ? [lot with { Amount = entry.Delta, SourceAccumulationKey = entry.LotId == sequence ? lot.SourceAccumulationKey : null }]
            : [];
        var data = new EventData(entry.Actor)
        {
            MemberId = member,
            PointKey = entry.PointKey,
            OrderNumber = usage?.OrderNumber ?? group?.OrderNumber,
            UsagePointKey = group?.UsageKey,
            FromMemberId = entry.Kind is "TRANSFER_OUT" or "TRANSFER_IN" && PointKey.TryParse(entry.PointKey, out var key) ? key.MemberId : null,
            ToMemberId = entry.Kind == "TRANSFER_IN" ? member : group?.ToMemberId,
            Amount = balance - before,
            BalanceAfter = balance,
            Reason = entry.Reason,
            Details = details,
            DetailsTotal = last - sequence + 1,
            DetailsNextCursor = HistoryQuery.NextEntries(member, sequence + InnerLists.SizeMax, last),
        };
        var subject = member.ToString(CultureInfo.InvariantCulture);
        var happened = EventFeed.Envelope(
            $"urn:pointsystem:member:{subject}", $"{subject}-{last.ToString(CultureInfo.InvariantCulture)}", EventTypes.OfKind(entry.Kind), subject,
            entry.OccurredAt, EventFeed.Digits(last), data);
        return new EventHead(entry.Cursor, last, happened, details);
    }

    private bool IsFollowed(int index) =>
        index + 1 < _entries.Count && _entries[index + 1].Cursor.MemberId == _entries[index].Cursor.MemberId;

    /// <param name="OrderNumber">Its order; null if the usage is missing.</param>
    /// <param name="Last">Its last sequence; null if it has one entry, or if the member's next event is on the page.</param>
    /// <param name="BalanceAfter">The balance after that; null as the sequence.</param>
    private sealed record Usage(string? OrderNumber, long? Last, long? BalanceAfter)
    {
        public static Usage Read(NpgsqlDataReader reader, int first) => new(
            reader.TextOrNull(first), reader.IsDBNull(first + 1) ? null : reader.GetInt64(first + 1), reader.IsDBNull(first + 2) ? null : reader.GetInt64(first + 2));
    }

    /// <param name="Last">The last sequence.</param>
    /// <param name="BalanceAfter">The balance after the last entry.</param>
    /// <param name="CancellationStart">The first sequence of a cancellation of a usage.</param>
    /// <param name="OrderNumber">The order of the cancelled usage.</param>
    /// <param name="UsageKey">The cancelled usage.</param>
    /// <param name="ToMemberId">The member that receives a transfer.</param>
    private sealed record Group(long Last, long BalanceAfter, long? CancellationStart, string? OrderNumber, string? UsageKey, long? ToMemberId)
    {
        public static Group Read(NpgsqlDataReader reader, int first) => new(
            reader.GetInt64(first), reader.GetInt64(first + 1), reader.IsDBNull(first + 2) ? null : reader.GetInt64(first + 2),
            reader.TextOrNull(first + 3), reader.TextOrNull(first + 4), reader.IsDBNull(first + 5) ? null : reader.GetInt64(first + 5));
    }
}
