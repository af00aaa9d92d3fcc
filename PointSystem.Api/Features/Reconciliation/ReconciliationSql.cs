namespace PointSystem.Api.Features.Reconciliation;

/// <summary>The statements of reconciliation. <c>$1</c> is the array of member ids, except in <see cref="Settings"/>.</summary>
/// <remarks>
/// <para>
/// Every statement runs under <see cref="Settings"/>. Both sides of each join are limited to the given members and are joined by hash on
/// all join columns, so the cost is linear in the number of entries whatever the statistics are. A nested loop, or a merge on the member
/// only, would be quadratic; the planner prefers both where it expects one row.
/// </para>
/// <para>
/// The ledger is the source of truth. Wallets and the parts of a lot can be derived from it, so a difference there is corrected. If the
/// ledger contradicts itself, or usages, cancellations and transfers contradict it, it is unknown which is right, and nothing is changed.
/// Missing entries at the end of the ledger leave no gap; they are detected if wallet and lots agree on a balance and the wallet's
/// version is ahead of the ledger. A correction by such a ledger would, for example, restore a cancelled lot.
/// </para>
/// </remarks>
internal static class ReconciliationSql
{
    /// <summary>
    /// For the rest of the transaction: linear plans, memory to sort, and a timeout of <c>$1</c> ms for each statement, whatever the
    /// role's defaults.
    /// </summary>
    public const string Settings =
        """
        SELECT set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),
               set_config('work_mem', '32MB', true), set_config('statement_timeout', $1, true)
        """;

    /// <summary>
    /// The parts that each lot must have by the ledger. Points given back after their lot had expired count as expired in that lot.
    /// </summary>
    private const string ExpectedLots =
        """
        deltas AS (
            SELECT member_id, lot_id,
                   sum(delta) AS held,
                   coalesce(sum(delta) FILTER (WHERE kind IN ('ACCUMULATE', 'REGRANT', 'TRANSFER_IN')), 0) AS granted,
                   coalesce(-sum(delta) FILTER (WHERE kind IN ('USE', 'USE_CANCEL', 'TRANSFER_OUT')), 0) AS spent,
                   coalesce(-sum(delta) FILTER (WHERE kind = 'ACCUMULATE_CANCEL'), 0) AS cancelled,
                   coalesce(-sum(delta) FILTER (WHERE kind = 'EXPIRE'), 0) AS expired
            FROM point_ledger_entries WHERE member_id = ANY ($1) GROUP BY member_id, lot_id
        ), regrants AS (
            SELECT a.member_id, a.source_point_key, sum(a.amount) AS amount
            FROM point_accumulations AS a
            JOIN point_ledger_entries AS e ON e.member_id = a.member_id AND e.sequence = a.lot_id AND e.kind = 'REGRANT'
            WHERE a.member_id = ANY ($1) AND e.member_id = ANY ($1) GROUP BY a.member_id, a.source_point_key
        ), expected AS (
            SELECT a.member_id, a.lot_id, a.point_key, a.amount, a.is_manual_grant, d.granted,
                   a.available_amount, a.used_amount, a.cancelled_amount, a.expired_amount,
                   coalesce(d.held, 0) AS held,
                   coalesce(d.spent, 0) - coalesce(r.amount, 0) AS used,
                   coalesce(d.cancelled, 0) AS cancelled,
                   coalesce(d.expired, 0) + coalesce(r.amount, 0) AS expired
            FROM point_accumulations AS a
            LEFT JOIN deltas AS d ON d.member_id = a.member_id AND d.lot_id = a.lot_id
            LEFT JOIN regrants AS r ON r.member_id = a.member_id AND r.source_point_key = a.point_key
            WHERE a.member_id = ANY ($1)
        )
        """;

    /// <summary>Balances of each member: wallet (0 if there is none), ledger, lots.</summary>
    public const string Balances =
        """
        SELECT m.member_id, coalesce(w.balance, 0),
               (SELECT coalesce(sum(e.delta), 0)::bigint FROM point_ledger_entries AS e WHERE e.member_id = m.member_id),
               (SELECT coalesce(sum(a.available_amount), 0)::bigint FROM point_accumulations AS a WHERE a.member_id = m.member_id)
        FROM unnest($1) AS m (member_id) LEFT JOIN member_wallets AS w ON w.member_id = m.member_id AND w.member_id = ANY ($1)
        ORDER BY m.member_id
        """;

    /// <summary>
    /// The first contradictions of each member, at most <c>$2</c>: member, whether it is broken, a sentence, the total number.
    /// </summary>
    public const string Findings =
        $"""
        WITH {ExpectedLots}, entries AS (
            SELECT member_id, sequence, delta, balance_after,
                   sum(delta) OVER (PARTITION BY member_id ORDER BY sequence) AS running,
                   row_number() OVER (PARTITION BY member_id ORDER BY sequence) AS position
            FROM point_ledger_entries WHERE member_id = ANY ($1)
        ), totals AS (
            SELECT member_id, count(*) AS entries, sum(delta) AS balance FROM entries GROUP BY member_id
        ), findings (member_id, is_broken, sentence) AS (
            SELECT member_id, true, format('Ledger entry %s is at position %s.', min(sequence), min(position))
            FROM entries WHERE sequence <> position GROUP BY member_id
            UNION ALL
            SELECT member_id, true, format('Ledger entry %s records balance %s, but the entries add up to %s.', sequence, balance_after, running)
            FROM entries WHERE balance_after <> running
            UNION ALL
            SELECT e.member_id, true, format('Ledger entry %s refers to lot %s, which does not exist.', min(e.sequence), e.lot_id)
            FROM point_ledger_entries AS e
            LEFT JOIN point_accumulations AS a ON a.member_id = e.member_id AND a.lot_id = e.lot_id AND a.member_id = ANY ($1)
            WHERE e.member_id = ANY ($1) AND a.lot_id IS NULL GROUP BY e.member_id, e.lot_id
            UNION ALL
            SELECT member_id, true, format('Lot %s has amount %s, but the ledger granted %s.', point_key, amount, coalesce(granted, 0))
            FROM expected WHERE amount <> coalesce(granted, 0)
            UNION ALL
            SELECT member_id, true, format('By the ledger, lot %s with amount %s has %s available, %s used, %s cancelled, %s expired.',
                                           point_key, amount, held, used, cancelled, expired)
            FROM expected
            WHERE amount = coalesce(granted, 0)
              AND (held < 0 OR used < 0 OR cancelled NOT IN (0, amount) OR expired < 0 OR amount <> held + used + cancelled + expired)
            UNION ALL
            SELECT u.member_id, true, format('Usage %s has total %s, but its details add up to %s.', u.point_key, u.total_amount, coalesce(sum(d.amount), 0))
            FROM point_usages AS u LEFT JOIN point_usage_details AS d ON d.member_id = u.member_id AND d.usage_id = u.usage_id AND d.member_id = ANY ($1)
            WHERE u.member_id = ANY ($1) GROUP BY u.member_id, u.usage_id HAVING u.total_amount <> coalesce(sum(d.amount), 0)
            UNION ALL
            SELECT u.member_id, true, format('Usage %s has %s cancelled, but its details have %s.',
                                             u.point_key, u.cancelled_amount, coalesce(sum(d.cancelled_amount), 0))
            FROM point_usages AS u LEFT JOIN point_usage_details AS d ON d.member_id = u.member_id AND d.usage_id = u.usage_id AND d.member_id = ANY ($1)
            WHERE u.member_id = ANY ($1) GROUP BY u.member_id, u.usage_id HAVING u.cancelled_amount <> coalesce(sum(d.cancelled_amount), 0)
            UNION ALL
            SELECT d.member_id, true, format('Usage at entry %s drew %s from lot %s, but ledger entry %s differs.',
                                             d.usage_id, d.amount, d.lot_id, d.usage_id + d.detail_number - 1)
            FROM point_usage_details AS d
            LEFT JOIN point_ledger_entries AS e
                ON e.member_id = d.member_id AND e.sequence = d.usage_id + d.detail_number - 1 AND e.member_id = ANY ($1)
            WHERE d.member_id = ANY ($1)
              AND (e.kind, e.group_sequence, e.lot_id, -e.delta) IS DISTINCT FROM ('USE', d.usage_id, d.lot_id, d.amount)
            UNION ALL
            SELECT e.member_id, true, format('Ledger entry %s belongs to usage %s, which does not exist.', e.sequence, e.point_key)
            FROM point_ledger_entries AS e
            LEFT JOIN point_usages AS u ON u.member_id = e.member_id AND u.usage_id = e.sequence AND u.member_id = ANY ($1)
            WHERE e.member_id = ANY ($1) AND e.kind = 'USE' AND e.sequence = e.group_sequence AND u.usage_id IS NULL
            UNION ALL
            SELECT t.member_id, true, format('Transfer %s has amount %s, but its entries add up to %s.',
                                             t.point_key, t.amount, coalesce(-sum(e.delta), 0))
            FROM point_transfers AS t
            LEFT JOIN point_ledger_entries AS e
                ON e.member_id = t.member_id AND e.group_sequence = t.first_sequence AND e.kind = 'TRANSFER_OUT' AND e.member_id = ANY ($1)
            WHERE t.member_id = ANY ($1) GROUP BY t.member_id, t.point_key, t.amount HAVING t.amount <> coalesce(-sum(e.delta), 0)
            UNION ALL
            SELECT w.member_id, true, format('The wallet and the lots have %s points after %s entries, but the ledger has %s after %s: entries are missing.',
                                             w.balance, w.version, coalesce(t.balance, 0), coalesce(t.entries, 0))
            FROM member_wallets AS w
            LEFT JOIN totals AS t ON t.member_id = w.member_id
            CROSS JOIN LATERAL (SELECT coalesce(sum(a.available_amount), 0) AS held FROM point_accumulations AS a WHERE a.member_id = w.member_id) AS lots
            WHERE w.member_id = ANY ($1) AND w.version > coalesce(t.entries, 0) AND w.balance = lots.held AND w.balance <> coalesce(t.balance, 0)
            UNION ALL
            SELECT u.member_id, true, format('Usage %s has %s cancelled, but its cancellations add up to %s.',
                                             u.point_key, u.cancelled_amount, coalesce(sum(c.amount), 0))
            FROM point_usages AS u LEFT JOIN usage_cancellations AS c ON c.member_id = u.member_id AND c.usage_id = u.usage_id AND c.member_id = ANY ($1)
            WHERE u.member_id = ANY ($1) GROUP BY u.member_id, u.usage_id HAVING u.cancelled_amount <> coalesce(sum(c.amount), 0)
            UNION ALL
            SELECT c.member_id, true, format('Cancellation %s has amount %s, but its entries add up to %s.', c.point_key, c.amount, e.amount)
            FROM usage_cancellations AS c
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(delta), 0) AS amount FROM point_ledger_entries
                WHERE member_id = c.member_id AND sequence BETWEEN c.first_sequence AND c.last_sequence
            ) AS e
            WHERE c.member_id = ANY ($1) AND c.amount <> e.amount
            UNION ALL
            SELECT member_id, false, format('Lot %s has %s available, %s used, %s cancelled, %s expired; by the ledger it has %s, %s, %s, %s.',
                                            point_key, available_amount, used_amount, cancelled_amount, expired_amount, held, used, cancelled, expired)
            FROM expected WHERE (available_amount, used_amount, cancelled_amount, expired_amount) <> (held, used, cancelled, expired)
            UNION ALL
            SELECT w.member_id, false, format('The wallet has %s points at version %s, but the ledger has %s at %s.',
                                              w.balance, w.version, coalesce(t.balance, 0), coalesce(t.entries, 0))
            FROM member_wallets AS w LEFT JOIN totals AS t ON t.member_id = w.member_id
            WHERE w.member_id = ANY ($1) AND (w.balance <> coalesce(t.balance, 0) OR w.version <> coalesce(t.entries, 0))
            UNION ALL
            SELECT w.member_id, false, format('The wallet has %s points in manual grants, but the ledger has %s.',
                                              w.manual_balance, coalesce(sum(x.held) FILTER (WHERE x.is_manual_grant), 0))
            FROM member_wallets AS w LEFT JOIN expected AS x ON x.member_id = w.member_id
            WHERE w.member_id = ANY ($1) GROUP BY w.member_id
            HAVING w.manual_balance <> coalesce(sum(x.held) FILTER (WHERE x.is_manual_grant), 0)
            UNION ALL
            SELECT t.member_id, false, 'The wallet is missing.'
            FROM totals AS t LEFT JOIN member_wallets AS w ON w.member_id = t.member_id AND w.member_id = ANY ($1) WHERE w.member_id IS NULL
        )
        SELECT member_id, is_broken, sentence, total
        FROM (
            SELECT *,
                   row_number() OVER (PARTITION BY member_id ORDER BY is_broken DESC, sentence) AS number,
                   count(*) OVER (PARTITION BY member_id) AS total
            FROM findings
        ) AS f
        WHERE number <= $2
        ORDER BY member_id, number
        """;

    /// <summary>Corrects the lots by the ledger.</summary>
    public const string CorrectLots =
        $"""
        WITH {ExpectedLots}
        UPDATE point_accumulations AS a
        SET available_amount = x.held, used_amount = x.used, cancelled_amount = x.cancelled, expired_amount = x.expired
        FROM expected AS x
        WHERE a.member_id = x.member_id AND a.lot_id = x.lot_id AND a.member_id = ANY ($1)
          AND (a.available_amount, a.used_amount, a.cancelled_amount, a.expired_amount) <> (x.held, x.used, x.cancelled, x.expired)
        """;

    /// <summary>Corrects the wallets by the ledger and the (corrected) lots; creates missing ones.</summary>
    public const string CorrectWallets =
        """
        INSERT INTO member_wallets (member_id, balance, manual_balance, version, last_entry_at)
        SELECT m.member_id,
               coalesce(sum(e.delta), 0),
               (SELECT coalesce(sum(a.available_amount), 0) FROM point_accumulations AS a WHERE a.member_id = m.member_id AND a.is_manual_grant),
               count(e.sequence),
               max(e.occurred_at)
        FROM unnest($1) AS m (member_id) LEFT JOIN point_ledger_entries AS e ON e.member_id = m.member_id AND e.member_id = ANY ($1)
        GROUP BY m.member_id
        ON CONFLICT (member_id) DO UPDATE
        SET balance = excluded.balance, manual_balance = excluded.manual_balance, version = excluded.version, last_entry_at = excluded.last_entry_at
        """;
}
