using Npgsql;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events;

/// <summary>A ledger entry in the export.</summary>
/// <param name="Cursor">Where the export goes on after this line.</param>
/// <param name="MemberId">The member.</param>
/// <param name="Sequence">The number of the entry in the member's ledger: 1, 2, 3 … without gaps. With the member it identifies the entry.</param>
/// <param name="Kind">The kind of the entry.</param>
/// <param name="PointKey">Key of the accumulation, usage, cancellation or transfer. The entries of one of them have the same key.</param>
/// <param name="AccumulationKey">The accumulation that changed.</param>
/// <param name="OrderNumber">The order of a usage or a cancellation of one; otherwise null.</param>
/// <param name="Amount">Points added (positive) or taken (negative).</param>
/// <param name="BalanceAfter">The member's ledger balance after the entry.</param>
/// <param name="OccurredAt">Time of the transaction.</param>
/// <param name="ExpirationDate">Last usable date of the accumulation.</param>
/// <param name="IsManualGrant">Whether the accumulation is a manual grant.</param>
/// <param name="Actor">Who made the request.</param>
/// <param name="Reason">The reason, if one was given.</param>
internal sealed record LedgerExportLine(
    string Cursor,
    long MemberId,
    long Sequence,
    string Kind,
    string PointKey,
    string AccumulationKey,
    string? OrderNumber,
    long Amount,
    long BalanceAfter,
    DateTimeOffset OccurredAt,
    DateOnly ExpirationDate,
    bool IsManualGrant,
    string Actor,
    string? Reason);

/// <summary>Some entries in order.</summary>
/// <param name="Lines">The entries.</param>
/// <param name="Next">The place of the last one.</param>
internal sealed record LedgerPage(IReadOnlyList<LedgerExportLine> Lines, EventCursor Next);

/// <summary>
/// Cursors of the export: an entry's place among all entries. They differ from those of events, which are places of the first entries of operations.
/// </summary>
internal static class LedgerCursor
{
    private const string List = "ledger";

    public static string Write(EventCursor at) => Cursor.Write(List, at.Position, at.MemberId, at.Sequence);

    public static bool TryParse(string text, out EventCursor at)
    {
        Span<long> parts = stackalloc long[3];
        var read = Cursor.TryRead(List, text, parts);
        at = new EventCursor(parts[0], parts[1], parts[2]);
        return read;
    }
}

/// <summary>
/// Reads the entries of the ledger in the order of events (<see cref="EventFeed"/>), up to the same horizon: nothing appears behind a reader.
/// </summary>
/// <remarks>
/// The index of positions has the first entry of each group. The entries of a group have one position and follow each other in the member's ledger, so they
/// are read as a range of sequences, which can be cut anywhere.
/// </remarks>
internal static class LedgerFeed
{
    /// <summary>Maximum number of entries that are read at once.</summary>
    public const int PageMax = 1000;

    /// <summary>Ranges of entries after a cursor: what is left of the group that it is in, and the following groups.</summary>
    private static readonly string Ranges =
        $"""
        SELECT * FROM (
            (SELECT h.position, h.member_id, (SELECT min(sequence) FROM point_ledger_entries WHERE member_id = h.member_id AND sequence > h.sequence) AS first,
                {EventSql.LastOfGroup} AS last
             FROM (VALUES ($1, $2, $3)) AS h (position, member_id, sequence))
            UNION ALL
            (SELECT h.position, h.member_id, h.sequence, {EventSql.LastOfGroup}
             FROM (
                SELECT * FROM (
                    SELECT position, member_id, sequence FROM point_ledger_entries
                    WHERE sequence = group_sequence AND (position, member_id, sequence) > ($1, $2, $3) AND position < event_horizon()
                    ORDER BY position, member_id, sequence LIMIT {PageMax}
                ) AS i
                ORDER BY position, member_id, sequence LIMIT $4
             ) AS h)
        ) AS r
        WHERE first <= last
        ORDER BY position, member_id, first
        """;

    private static readonly string Entries =
        $"""
        SELECT r.number, e.member_id, e.sequence, e.kind, e.point_key, a.point_key, {StatementQuery.OrderNumber}, e.delta, e.balance_after, e.occurred_at,
            a.expiration_date, a.is_manual_grant, e.actor, e.reason
        FROM unnest($1, $2, $3) WITH ORDINALITY AS r (member_id, first, last, number)
        CROSS JOIN LATERAL (
            SELECT * FROM point_ledger_entries WHERE member_id = r.member_id AND sequence BETWEEN r.first AND r.last OFFSET 0
        ) AS e
        CROSS JOIN LATERAL (
            SELECT point_key, expiration_date, is_manual_grant FROM point_accumulations WHERE member_id = r.member_id AND lot_id = e.lot_id OFFSET 0
        ) AS a
        ORDER BY r.number, e.sequence
        """;

    /// <summary>Reads up to <paramref name="count"/> entries after a cursor; null if the cursor is beyond the ledger of this database.</summary>
    /// <exception cref="RequestRefusedException">The order of events is not certain: see <see cref="EventPositions.AreAhead"/>.</exception>
    public static Task<LedgerPage?> ReadAsync(
        NpgsqlDataSource database, EventCursor after, int count, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, after, count, cancellationToken), cancellationToken);

    private static async Task<LedgerPage?> ReadAsync(
        NpgsqlConnection connection, EventCursor after, int count, CancellationToken cancellationToken)
    {
        if (await ReadRangesAsync(connection, after, count, cancellationToken) is not { } ranges)
        {
            return null;
        }

        if (ranges.Count == 0)
        {
            return new LedgerPage([], after);
        }

        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            Entries,
            Columns.Longs(ranges, range => range.MemberId),
            Columns.Longs(ranges, range => range.First),
            Columns.Longs(ranges, range => range.Last)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var lines = new List<LedgerExportLine>(count);
        while (await reader.ReadAsync(cancellationToken))
        {
            after = new EventCursor(ranges[(int)reader.GetInt64(0) - 1].Position, reader.GetInt64(1), reader.GetInt64(2));
            lines.Add(new LedgerExportLine(
                LedgerCursor.Write(after), after.MemberId, after.Sequence, reader.GetString(3), reader.GetString(4), reader.GetString(5), reader.TextOrNull(6),
                reader.GetInt64(7), reader.GetInt64(8), reader.GetFieldValue<DateTimeOffset>(9), reader.GetFieldValue<DateOnly>(10), reader.GetBoolean(11),
                reader.GetString(12), reader.TextOrNull(13)));
        }

        return new LedgerPage(lines, after);
    }

    /// <summary>
    /// The ranges of the first <paramref name="count"/> entries after a cursor. What they contain does not change, so it is read without the snapshot.
    /// </summary>
    private static async Task<List<EntryRange>?> ReadRangesAsync(
        NpgsqlConnection connection, EventCursor after, int count, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(EventSql.Horizon));
        batch.BatchCommands.Add(Columns.Statement(
            Ranges, Columns.Value(after.Position), Columns.Value(after.MemberId), Columns.Value(after.Sequence), Columns.Value(count)));
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (after.Position >= await EventFeed.ReadHorizonAsync(reader, cancellationToken))
        {
            return null;
        }

        var ranges = new List<EntryRange>();
        await reader.NextResultAsync(cancellationToken);
        for (var left = (long)count; left > 0 && await reader.ReadAsync(cancellationToken);)
        {
            var (first, last) = (reader.GetInt64(2), Math.Min(reader.GetInt64(3), reader.GetInt64(2) + left - 1));
            ranges.Add(new EntryRange(reader.GetInt64(0), reader.GetInt64(1), first, last));
            left -= last - first + 1;
        }

        return ranges;
    }

    private readonly record struct EntryRange(long Position, long MemberId, long First, long Last);
}
