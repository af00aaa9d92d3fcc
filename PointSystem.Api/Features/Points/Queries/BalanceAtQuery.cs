using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>The balance at a past moment, out of the journal.</summary>
/// <remarks>
/// <para>
/// Let <c>T</c> be the moment, <c>d</c> its business date and <c>s</c> the member's last entry at or before it. Then the ledger balance at
/// <c>T</c> is <c>balance_after(s)</c>, and a lot held its available points of now less all that entries after <c>s</c> did to it. What counts at
/// <c>T</c> are lots with a date from <c>d</c> on, so the usable balance is <c>balance_after(s)</c> less what lots with a date before <c>d</c> held:
/// those had lapsed, whether or not that had been posted.
/// </para>
/// <para>
/// Which lots those were: one that an entry after <c>s</c> touched is found through that entry (<c>touched</c>). One that none touched holds now
/// what it held then; if that is anything it is open now, and its <c>updated_at</c>, which is the time of the last entry on it, is not after <c>T</c>.
/// The test on <c>updated_at</c> is thus the same as "not touched", but can be made on the row in hand, in index order.
/// </para>
/// <para>The cost grows with what has happened since the moment, not with the length of the history before it or with the number of lots.</para>
/// </remarks>
internal static class BalanceAtQuery
{
    private const string SequenceAt = "SELECT ledger_sequence_at($1, $2)";

    // The sequence is known by now: planned with its value, "since yesterday" is an index range; planned without, a scan of the whole journal.
    private const string PlanWithValues = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)";

    // A lot as it was then: what is not available had been used. (Cancelled or lapsed later, it was neither then.)
    private const string LotThen =
        """
        a.member_id, a.lot_id, a.point_key, a.amount, a.available_then AS available_amount, a.amount - a.available_then AS used_amount,
        0::bigint AS cancelled_amount, 0::bigint AS expired_amount,
        a.expiration_date, a.is_manual_grant, a.source_point_key, a.created_at, a.updated_at
        """;

    // Each touched lot is looked up by its key. A join would be planned by statistics: without any, over an index that finds all lots of the member each time;
    // with them, by reading all lots of the member where few were touched.
    private const string Text =
        $"""
        WITH touched AS MATERIALIZED (
            SELECT a.*, c.change, a.available_amount - c.change AS available_then
            FROM (
                SELECT lot_id, sum(delta)::bigint AS change FROM point_ledger_entries
                WHERE member_id = $1 AND sequence > $10 GROUP BY lot_id
            ) AS c
            CROSS JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = $1 AND lot_id = c.lot_id OFFSET 0) AS a
        ), lapsed AS (
            SELECT available_then AS points, is_manual_grant FROM touched WHERE expiration_date < $2 AND available_then > 0
            UNION ALL
            SELECT available_amount, is_manual_grant FROM point_accumulations
            WHERE member_id = $1 AND is_open AND is_manual_grant AND expiration_date < $2 AND updated_at <= $11
            UNION ALL
            SELECT available_amount, is_manual_grant FROM point_accumulations
            WHERE member_id = $1 AND is_open AND NOT is_manual_grant AND expiration_date < $2 AND updated_at <= $11
        ), totals AS (
            SELECT
                coalesce((SELECT balance_after FROM point_ledger_entries WHERE member_id = $1 AND sequence = $10), 0)
                    - (SELECT coalesce(sum(points), 0)::bigint FROM lapsed) AS balance,
                coalesce((SELECT manual_balance FROM member_wallets WHERE member_id = $1), 0)
                    - (SELECT coalesce(sum(change), 0)::bigint FROM touched WHERE is_manual_grant)
                    - (SELECT coalesce(sum(points), 0)::bigint FROM lapsed WHERE is_manual_grant) AS manual_balance
        )
        SELECT t.balance, t.manual_balance, {LotRows.Columns}
        FROM totals AS t LEFT JOIN (
            SELECT {LotThen} FROM (
                (SELECT *, 0::bigint AS change, available_amount AS available_then FROM point_accumulations AS a
                 WHERE member_id = $1 AND is_open AND is_manual_grant AND (expiration_date, created_at, lot_id) > ($4, $5, $6) AND updated_at <= $11
                 ORDER BY {LotRows.DrawOrder} {Sql.PageMax})
                UNION ALL
                (SELECT *, 0::bigint AS change, available_amount AS available_then FROM point_accumulations AS a
                 WHERE member_id = $1 AND is_open AND NOT is_manual_grant AND (expiration_date, created_at, lot_id) > ($7, $8, $9) AND updated_at <= $11
                 ORDER BY {LotRows.DrawOrder} {Sql.PageMax})
                UNION ALL
                (SELECT * FROM touched AS a
                 WHERE available_then > 0
                   AND CASE WHEN is_manual_grant
                       THEN (expiration_date, created_at, lot_id) > ($4, $5, $6)
                       ELSE (expiration_date, created_at, lot_id) > ($7, $8, $9) END
                 ORDER BY {LotRows.DrawOrder} {Sql.PageMax})
            ) AS a
        ) AS a ON true
        ORDER BY {LotRows.DrawOrder}
        LIMIT $3
        """;

    /// <summary>Reads the balance at <paramref name="moment"/> and up to <paramref name="count"/> lots live then, after a position.</summary>
    public static Task<BalanceSnapshot> ReadAsync(
        NpgsqlDataSource database, long memberId, PastMoment moment, DrawPosition? after, int count, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, memberId, moment, after, count, cancellationToken), cancellationToken);

    private static async Task<BalanceSnapshot> ReadAsync(
        NpgsqlConnection connection, long memberId, PastMoment moment, DrawPosition? after, int count, CancellationToken cancellationToken)
    {
        await using var begin = connection.CreateBatch();
        begin.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        begin.BatchCommands.Add(Columns.Statement(SequenceAt, Columns.Value(memberId), Columns.Value(moment.At)));
        begin.BatchCommands.Add(Columns.Statement(PlanWithValues));
        var sequence = (long)(await begin.ExecuteScalarAsync(cancellationToken))!;

        if (sequence == 0)
        {
            // Before its first entry a member has nothing; all that has happened since need not be undone to see that.
            await using var end = connection.CreateBatch();
            end.BatchCommands.Add(Columns.Statement(Sql.Commit));
            await end.ExecuteNonQueryAsync(cancellationToken);
            return new BalanceSnapshot(0, 0, []);
        }

        var (manual, ordinary) = (after ?? DrawPosition.Start(moment.Date)).Bounds(moment.Date);
        await using var read = connection.CreateBatch();
        read.BatchCommands.Add(Columns.Statement(
            Text,
            [
                Columns.Value(memberId), Columns.Value(moment.Date), Columns.Value(count), .. Sql.Values(manual), .. Sql.Values(ordinary),
                Columns.Value(sequence), Columns.Value(moment.At),
            ]));
        read.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await read.ExecuteReaderAsync(cancellationToken);
        return await BalanceQuery.ReadAsync(reader, cancellationToken);
    }
}
