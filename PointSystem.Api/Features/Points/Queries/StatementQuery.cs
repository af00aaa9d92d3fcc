using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A ledger entry in a statement.</summary>
/// <param name="Sequence">The number of the entry in the member's ledger.</param>
/// <param name="OccurredAt">Time of the transaction.</param>
/// <param name="Kind">The kind of the entry.</param>
/// <param name="PointKey">Key of the accumulation, usage, cancellation or transfer. The entries of one of them have the same key.</param>
/// <param name="AccumulationKey">The accumulation that changed.</param>
/// <param name="OrderNumber">The order of a usage or a cancellation of one; otherwise null.</param>
/// <param name="Amount">Points added (positive) or taken (negative).</param>
/// <param name="BalanceAfter">The ledger balance after the entry.</param>
/// <param name="Reason">The reason, if one was given.</param>
internal sealed record StatementEntry(
    long Sequence,
    DateTimeOffset OccurredAt,
    string Kind,
    string PointKey,
    string AccumulationKey,
    string? OrderNumber,
    long Amount,
    long BalanceAfter,
    string? Reason);

/// <summary>The entries of a statement, as a range of sequences: later entries do not change it.</summary>
/// <param name="Before">The last entry before the statement; 0 if there is none.</param>
/// <param name="Last">The last entry of the statement; equal to <paramref name="Before"/> if it has none.</param>
internal readonly record struct StatementRange(long Before, long Last);

/// <summary>Some entries of a statement.</summary>
/// <param name="OpeningBalance">The ledger balance before the first entry of the statement.</param>
/// <param name="ClosingBalance">The ledger balance after the last entry of the statement.</param>
/// <param name="Entries">The entries in order.</param>
internal sealed record StatementPage(long OpeningBalance, long ClosingBalance, IReadOnlyList<StatementEntry> Entries);

/// <summary>Reads the entries of a member in a period, by the primary key of the ledger.</summary>
internal static class StatementQuery
{
    /// <summary>Maximum number of entries that are read at once.</summary>
    public const int PageMax = 1000;

    private const string Range = "SELECT ledger_sequence_at($1, $2), ledger_sequence_at($1, $3)";

    private const string Balances =
        """
        SELECT coalesce((SELECT balance_after FROM point_ledger_entries WHERE member_id = $1 AND sequence = $2), 0),
            coalesce((SELECT balance_after FROM point_ledger_entries WHERE member_id = $1 AND sequence = $3), 0)
        """;

    /// <summary>The order of the entry <c>e</c> of the member <c>e.member_id</c>, if it has one.</summary>
    internal const string OrderNumber =
        """
        CASE
            WHEN e.kind = 'USE' THEN
                (SELECT u.order_number FROM point_usages AS u WHERE u.member_id = e.member_id AND u.usage_id = e.group_sequence)
            WHEN e.kind IN ('USE_CANCEL', 'REGRANT') THEN
                (SELECT u.order_number FROM usage_cancellations AS c JOIN point_usages AS u ON u.member_id = e.member_id AND u.usage_id = c.usage_id
                 WHERE c.member_id = e.member_id AND c.point_key = e.point_key)
        END
        """;

    // The constant limit shows the planner, which does not know $4, how few rows are needed.
    private static readonly string Entries =
        $"""
        SELECT e.sequence, e.occurred_at, e.kind, e.point_key,
            (SELECT a.point_key FROM point_accumulations AS a WHERE a.member_id = $1 AND a.lot_id = e.lot_id),
            {OrderNumber},
            e.delta, e.balance_after, e.reason
        FROM (
            SELECT * FROM (
                SELECT * FROM point_ledger_entries WHERE member_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT {PageMax}
            ) AS e ORDER BY e.sequence LIMIT $4
        ) AS e
        ORDER BY e.sequence
        """;

    /// <summary>Finds the entries after one instant, up to and including another.</summary>
    public static Task<StatementRange> FindAsync(
        NpgsqlDataSource database, long memberId, DateTimeOffset after, DateTimeOffset until, CancellationToken cancellationToken) =>
        database.RunAsync(
            async connection =>
            {
                await using var batch = connection.CreateBatch();
                batch.BatchCommands.Add(Columns.Statement(Range, Columns.Value(memberId), Columns.Value(after), Columns.Value(until)));
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                await reader.ReadAsync(cancellationToken);
                return new StatementRange(reader.GetInt64(0), reader.GetInt64(1));
            },
            cancellationToken);

    /// <summary>Reads the balances of a statement and up to <paramref name="count"/> of its entries after a sequence.</summary>
    public static Task<StatementPage> ReadAsync(
        NpgsqlDataSource database, long memberId, StatementRange range, long after, int count, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, memberId, range, after, count, cancellationToken), cancellationToken);

    private static async Task<StatementPage> ReadAsync(
        NpgsqlConnection connection, long memberId, StatementRange range, long after, int count, CancellationToken cancellationToken)
    {
        // No snapshot is needed: entries do not change.
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Balances, Columns.Value(memberId), Columns.Value(range.Before), Columns.Value(range.Last)));
        batch.BatchCommands.Add(Columns.Statement(
            Entries, Columns.Value(memberId), Columns.Value(after), Columns.Value(range.Last), Columns.Value(count)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var (opening, closing) = (reader.GetInt64(0), reader.GetInt64(1));
        var entries = new List<StatementEntry>();
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            entries.Add(new StatementEntry(
                reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetString(2), reader.GetString(3), reader.GetString(4),
                reader.TextOrNull(5), reader.GetInt64(6), reader.GetInt64(7), reader.TextOrNull(8)));
        }

        return new StatementPage(opening, closing, entries);
    }
}
