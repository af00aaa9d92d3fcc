using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Reads the balance at a past moment from the ledger.</summary>
/// <remarks>
/// <para>
/// Let <c>T</c> be the moment, <c>d</c> its business date and <c>s</c> the member's last entry at or before it. The ledger balance at
/// <c>T</c> is <c>balance_after(s)</c>. The points available in a lot at <c>T</c> are the points available now minus the sum of the
/// entries on it after <c>s</c>. Usable are lots that expire on <c>d</c> or later, so the usable balance is <c>balance_after(s)</c> minus
/// the points that were available in lots with an expiration date before <c>d</c>: these had expired, whether or not their expiry had
/// been posted.
/// </para>
/// <para>
/// A lot that an entry after <c>s</c> changed is found through that entry (<c>touched</c>). Any other lot has the same points available
/// now as at <c>T</c>; if there are any, the lot is open now, and its <c>updated_at</c>, the time of the last entry on it, is not after
/// <c>T</c>. The test on <c>updated_at</c> is therefore equivalent to "not touched", and it needs only the row itself, in index order.
/// </para>
/// <para>
/// The cost grows with the number of entries since the moment, not with the length of the history before it or the number of lots.
/// </para>
/// </remarks>
internal static class BalanceAtQuery
{
    private const string SequenceAt = "SELECT ledger_sequence_at($1, $2)";

    // Planned with the value of the sequence, "since yesterday" is an index range; planned without it, a scan of the whole ledger.
    private const string PlanWithValues = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)";

    // A lot as it was then: points that were not available had been used. (A lot cancelled or expired later was neither then.)
    private const string LotThen =
        """
        a.member_id, a.lot_id, a.point_key, a.amount, a.available_then AS available_amount, a.amount - a.available_then AS used_amount,
        0::bigint AS cancelled_amount, 0::bigint AS expired_amount,
        a.expiration_date, a.is_manual_grant, a.source_point_key, a.created_at, a.updated_at
        """;

    // Each touched lot is looked up by its key. The plan of a join would depend on statistics: without statistics, it uses an index that
    // finds all lots of the member each time; with statistics, it reads all lots of the member although few were touched.
    private const string Text =
        $"""
        WITH touched AS MATERIALIZED (
            SELECT a.*, c.change, a.available_amount - c.change AS available_then
            FROM (
                SELECT lot_id, sum(delta)::bigint AS change FROM point_ledger_entries
                WHERE member_id = $1 AND sequence > $10 GROUP BY lot_id
            ) AS c
            CROSS JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = $1 AND lot_id = c.lot_id OFFSET 0) AS a
        ), expired AS (
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
                    - (SELECT coalesce(sum(points), 0)::bigint FROM expired) AS balance,
                coalesce((SELECT manual_balance FROM member_wallets WHERE member_id = $1), 0)
                    - (SELECT coalesce(sum(change), 0)::bigint FROM touched WHERE is_manual_grant)
                    - (SELECT coalesce(sum(points), 0)::bigint FROM expired WHERE is_manual_grant) AS manual_balance
        )
        SELECT t.balance, t.manual_balance, $10, false, {LotRows.Columns}
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

    /// <summary>
    /// Reads the balance at <paramref name="moment"/> and up to <paramref name="count"/> lots that were live then, after a position.
    /// </summary>
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
            // Before its first entry a member has no points; there is no need to read the entries since then.
            await using var end = connection.CreateBatch();
            end.BatchCommands.Add(Columns.Statement(Sql.Commit));
            await end.ExecuteNonQueryAsync(cancellationToken);
            return new BalanceSnapshot(0, 0, [], default);
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
