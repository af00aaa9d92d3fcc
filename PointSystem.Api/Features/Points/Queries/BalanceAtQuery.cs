using Npgsql;
using PointSystem.Api.Jobs;
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
/// The same is found from the other side: what the lots held at a checkpoint (<see cref="CheckpointJob"/>) at or before <c>s</c>, plus the entries up to
/// <c>s</c>. Without a checkpoint these are all entries up to <c>s</c>. The side with fewer rows is read. So the cost grows with the number of lots at the
/// moment, and not with that of the entries before or after it. If a checkpoint disagrees with the
/// ledger, the entries since then are read.
/// </para>
/// </remarks>
internal static class BalanceAtQuery
{
    private const string Find =
        """
        SELECT s.sequence, coalesce((SELECT version FROM member_wallets WHERE member_id = $1), 0), coalesce(c.sequence, 0), coalesce(c.lots, 0)
        FROM (SELECT ledger_sequence_at($1, $2) AS sequence) AS s
        LEFT JOIN LATERAL (
            SELECT sequence, cardinality(lot_ids) AS lots FROM balance_checkpoints
            WHERE member_id = $1 AND sequence <= s.sequence ORDER BY sequence DESC LIMIT 1
        ) AS c ON true
        """;

    // Planned with the value of the sequence, "since yesterday" is an index range; planned without it, a scan of the whole ledger.
    private const string PlanWithValues = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)";

    // A lot as it was then: points that were not available had been used. (A lot cancelled or expired later was neither then.)
    private const string LotThen =
        """
        a.member_id, a.lot_id, a.point_key, a.amount, a.available_then AS available_amount, a.amount - a.available_then AS used_amount,
        0::bigint AS cancelled_amount, 0::bigint AS expired_amount,
        a.expiration_date, a.is_manual_grant, a.source_point_key, a.created_at, a.updated_at
        """;

    // Parameters as below, but $11 is the sequence of the checkpoint. No row if the sum differs from the ledger's.
    private static readonly string FromCheckpoint =
        $"""
        WITH held AS MATERIALIZED (
            SELECT a.*, l.points AS available_then
            FROM ({CheckpointJob.LotsAfter("$11", "$10")}) AS l
            CROSS JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = $1 AND lot_id = l.lot_id OFFSET 0) AS a
        ), totals AS (
            SELECT
                coalesce(sum(available_then) FILTER (WHERE expiration_date >= $2), 0)::bigint AS balance,
                coalesce(sum(available_then) FILTER (WHERE expiration_date >= $2 AND is_manual_grant), 0)::bigint AS manual_balance
            FROM held
            HAVING coalesce(sum(available_then), 0) = (SELECT balance_after FROM point_ledger_entries WHERE member_id = $1 AND sequence = $10)
        )
        SELECT t.balance, t.manual_balance, $10, false, {LotRows.Columns}
        FROM totals AS t LEFT JOIN (
            SELECT {LotThen} FROM held AS a
            WHERE CASE WHEN is_manual_grant
                THEN (expiration_date, created_at, lot_id) > ($4, $5, $6)
                ELSE (expiration_date, created_at, lot_id) > ($7, $8, $9) END
        ) AS a ON true
        ORDER BY {LotRows.DrawOrder}
        LIMIT $3
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
        var (sequence, version, checkpoint, lots) = await FindAsync(connection, memberId, moment, cancellationToken);
        BalanceSnapshot snapshot = new(0, 0, [], default);

        // Before its first entry a member has no points.
        if (sequence > 0)
        {
            var (manual, ordinary) = (after ?? DrawPosition.Start(moment.Date)).Bounds(moment.Date);
            Task<BalanceSnapshot> ReadFromAsync(string text, NpgsqlParameter last) => ReadAsync(
                connection,
                Columns.Statement(
                    text,
                    [
                        Columns.Value(memberId), Columns.Value(moment.Date), Columns.Value(count), .. Sql.Values(manual), .. Sql.Values(ordinary),
                        Columns.Value(sequence), last,
                    ]),
                cancellationToken);

            if (sequence - checkpoint + lots < version - sequence)
            {
                snapshot = await ReadFromAsync(FromCheckpoint, Columns.Value(checkpoint));
            }

            if (snapshot.State.Version != sequence)
            {
                snapshot = await ReadFromAsync(Text, Columns.Value(moment.At));
            }
        }

        await using var end = connection.CreateBatch();
        end.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await end.ExecuteNonQueryAsync(cancellationToken);
        return snapshot with { CurrentVersion = version };
    }

    private static async Task<(long Sequence, long Version, long Checkpoint, int Lots)> FindAsync(
        NpgsqlConnection connection, long memberId, PastMoment moment, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(Find, Columns.Value(memberId), Columns.Value(moment.At)));
        batch.BatchCommands.Add(Columns.Statement(PlanWithValues));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt32(3));
    }

    private static async Task<BalanceSnapshot> ReadAsync(NpgsqlConnection connection, NpgsqlBatchCommand command, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(command);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await BalanceQuery.ReadAsync(reader, cancellationToken);
    }
}
