using PointSystem.Bench.Servers;

namespace PointSystem.Bench.Contenders;

/// <summary>The statements of one use in each transaction. Scalar subselects replace the values that the application would compute.</summary>
internal sealed record PgbenchRow()
    : PgbenchContender(ContenderName, "no application: pgbench sends the statements of row, prepared, in the same two round trips", Uses: 1)
{
    public const string ContenderName = "pgbench";

    // The first statement of a connection makes pgbench prepare all others. Older versions cannot do that within a pipeline.
    private const string Script =
        """
        \set m %MEMBER%
        \set a random(1, 9000000000000000000)
        \set b random(1, 9000000000000000000)
        \if :fresh
        SELECT 1;
        \set fresh 0
        \endif
        \startpipeline
        BEGIN;
        SELECT set_config('lock_timeout', '5000', true), set_config('idle_in_transaction_session_timeout', '5000', true);
        SELECT member_id, balance, manual_balance, version, last_entry_at
            FROM member_wallets WHERE member_id = ANY (ARRAY[:m::bigint]) ORDER BY member_id FOR UPDATE;
        SELECT a.member_id, a.lot_id, a.point_key, a.amount, a.available_amount, a.used_amount, a.cancelled_amount, a.expired_amount,
               a.expiration_date, a.is_manual_grant, a.source_point_key, a.created_at, a.updated_at
            FROM unnest(ARRAY[:m::bigint], ARRAY[1::bigint], ARRAY[1::bigint]) AS n (member_id, need, smallest)
            CROSS JOIN LATERAL load_lots(n.member_id, n.need, n.smallest, current_date) AS a;
        \endpipeline
        \startpipeline
        UPDATE point_accumulations SET available_amount = available_amount - 1, used_amount = used_amount + 1, updated_at = now()
            WHERE member_id = :m::bigint AND lot_id = bench_next_lot(:m::bigint);
        INSERT INTO point_usages (member_id, usage_id, point_key, order_number, total_amount, cancelled_amount, created_at, updated_at)
            SELECT w.member_id, w.version + 1, bench_usage_key(:m::bigint, :a::bigint, :b::bigint), 'P' || :a::bigint, 1, 0, now(), now()
            FROM member_wallets AS w WHERE w.member_id = :m::bigint;
        INSERT INTO point_usage_details (member_id, usage_id, detail_number, lot_id, amount, cancelled_amount)
            SELECT w.member_id, w.version + 1, 1, bench_next_lot(:m::bigint), 1, 0 FROM member_wallets AS w WHERE w.member_id = :m::bigint;
        INSERT INTO point_ledger_entries
            (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor, reason)
            SELECT w.member_id, w.version + 1, w.version + 1, 'USE', bench_usage_key(:m::bigint, :a::bigint, :b::bigint),
                   bench_next_lot(:m::bigint), -1, w.balance - 1, now(), 'pgbench', NULL
            FROM member_wallets AS w WHERE w.member_id = :m::bigint;
        UPDATE member_wallets SET balance = balance - 1, version = version + 1, last_entry_at = now() WHERE member_id = :m::bigint;
        COMMIT;
        \endpipeline
        """;

    protected override Task<string> ScriptAsync(BenchCluster cluster, string member, CancellationToken cancellationToken) =>
        Task.FromResult(Script.Replace("%MEMBER%", member, StringComparison.Ordinal));

    protected override int ClientsFor(BenchLoad load) => load.Callers;
}
