using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events;

/// <summary>The statements that read events.</summary>
/// <remarks>
/// Events are in the order of (position, member, sequence). Below the horizon nothing is ever added, and a member's positions never decrease
/// with its sequence, so a page may end anywhere. Parameters of the pages: $1 position, $2 member, $3 sequence of the last event before the
/// page; $4 number of events.
/// </remarks>
internal static class EventSql
{
    /// <summary>Maximum number of events of a page.</summary>
    public const int PageMax = 1000;

    /// <summary>The horizon of the snapshot, and whether the order of events is not certain.</summary>
    public const string Horizon = $"SELECT event_horizon(), coalesce({EventPositions.AreAhead}, false)";

    /// <summary>The last entry before the next group of the member that comes after the entry <c>h</c>.</summary>
    public const string LastOfGroup =
        """
        coalesce(
            (SELECT sequence FROM point_ledger_entries
             WHERE member_id = h.member_id AND sequence > h.sequence AND sequence = group_sequence ORDER BY sequence LIMIT 1) - 1,
            (SELECT max(sequence) FROM point_ledger_entries WHERE member_id = h.member_id))
        """;

    /// <summary>The first entries of a page of events with the range of their sequences. Most have one entry: its detail is read too.</summary>
    /// <remarks>
    /// The constant limit inside shows the planner, which does not know $4, how few rows are needed. OFFSET 0 keeps it from joining whole
    /// tables instead of looking up the few rows of a page.
    /// A lot is looked up once for rows of it that follow each other, as those of one batch do: only the first of them has its data.
    /// A usage whose first entry took all its points has no others.
    /// </remarks>
    public static readonly string Page =
        $"""
        SELECT h.position, h.member_id, h.sequence, h.kind, h.point_key, h.actor, h.reason, h.occurred_at, h.balance_after - h.delta,
            l.last,
            CASE
                WHEN l.last = h.sequence THEN h.balance_after
                ELSE (SELECT balance_after FROM point_ledger_entries WHERE member_id = h.member_id AND sequence = l.last)
            END,
            coalesce(u.order_number, c.order_number), c.usage_key, c.first_sequence,
            CASE h.kind
                WHEN 'TRANSFER_OUT' THEN (SELECT to_member_id FROM point_transfers WHERE member_id = h.member_id AND first_sequence = h.sequence)
            END,
            h.delta, a.point_key, a.expiration_date, a.is_manual_grant, a.source_point_key
        FROM (
            SELECT *, lag(lot_id) OVER w IS DISTINCT FROM lot_id OR lag(member_id) OVER w IS DISTINCT FROM member_id AS is_other_lot
            FROM (
                SELECT * FROM (
                    SELECT position, member_id, sequence, kind, point_key, actor, reason, occurred_at, balance_after, delta, lot_id
                    FROM point_ledger_entries
                    WHERE sequence = group_sequence AND (position, member_id, sequence) > ($1, $2, $3) AND position < event_horizon()
                    ORDER BY position, member_id, sequence LIMIT {PageMax}
                ) AS i
                ORDER BY position, member_id, sequence LIMIT $4
            ) AS p
            WINDOW w AS (ORDER BY position, member_id, sequence)
        ) AS h
        LEFT JOIN LATERAL (
            SELECT order_number, total_amount FROM point_usages WHERE h.kind = 'USE' AND member_id = h.member_id AND usage_id = h.sequence OFFSET 0
        ) AS u ON true
        LEFT JOIN LATERAL (
            SELECT c.first_sequence, c.last_sequence, u.order_number, u.point_key AS usage_key
            FROM usage_cancellations AS c JOIN point_usages AS u ON u.member_id = c.member_id AND u.usage_id = c.usage_id
            WHERE h.kind IN ('USE_CANCEL', 'REGRANT') AND c.member_id = h.member_id AND c.point_key = h.point_key OFFSET 0
        ) AS c ON true
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN h.kind IN ('ACCUMULATE', 'ACCUMULATE_CANCEL', 'EXPIRE') OR h.delta = -u.total_amount THEN h.sequence
                WHEN h.kind = 'USE' THEN h.sequence - 1 +
                    (SELECT max(detail_number) FROM point_usage_details WHERE member_id = h.member_id AND usage_id = h.sequence)
                WHEN c.last_sequence IS NOT NULL THEN c.last_sequence
                ELSE {LastOfGroup}
            END AS last OFFSET 0
        ) AS l
        LEFT JOIN LATERAL (
            SELECT point_key, expiration_date, is_manual_grant, CASE WHEN lot_id = h.sequence THEN source_point_key END AS source_point_key
            FROM point_accumulations WHERE h.is_other_lot AND member_id = h.member_id AND lot_id = h.lot_id OFFSET 0
        ) AS a ON true
        ORDER BY h.position, h.member_id, h.sequence
        """;

    /// <summary>A page of configuration changes. They come before the ledger entries of the same position.</summary>
    public const string ConfigPage =
        """
        SELECT position, id, config_key, old_value, new_value, description, updated_at, updated_by
        FROM point_config_history
        WHERE position >= $1 AND (position, 0::bigint, id) > ($1, $2, $3) AND position < event_horizon()
        ORDER BY position, id LIMIT $4
        """;

    /// <summary>A page of what administrators did. They come before the configuration changes and ledger entries of the same position.</summary>
    public static readonly string AuditPage =
        $"""
        SELECT position, {AuditQuery.Fields}
        FROM admin_audit
        WHERE position >= $1 AND (position, {EventCursor.Audit}::bigint, id) > ($1, $2, $3) AND position < event_horizon()
        ORDER BY position, id LIMIT $4
        """;

    /// <summary>A page of notices of expirations. They come before everything else of the same position.</summary>
    public static readonly string NoticePage =
        $"""
        SELECT position, id, member_id, expiration_date, days_ahead, amount, given_at
        FROM expiry_notices
        WHERE position >= $1 AND (position, {EventCursor.Notice}::bigint, id) > ($1, $2, $3) AND position < event_horizon()
        ORDER BY position, id LIMIT $4
        """;

    /// <summary>The entries of events that have several, given as members ($1) and the first ($2) and last ($3) sequences.</summary>
    public static readonly string Details =
        $"""
        SELECT h.number, e.delta, a.point_key, a.expiration_date, a.is_manual_grant, CASE WHEN e.lot_id = e.sequence THEN a.source_point_key END
        FROM unnest($1, $2, $3) WITH ORDINALITY AS h (member_id, first, last, number)
        CROSS JOIN LATERAL (
            SELECT sequence, delta, lot_id FROM point_ledger_entries
            WHERE member_id = h.member_id AND sequence BETWEEN h.first AND least(h.last, h.first + {InnerLists.SizeMax} - 1) OFFSET 0
        ) AS e
        CROSS JOIN LATERAL (
            SELECT point_key, expiration_date, is_manual_grant, source_point_key FROM point_accumulations
            WHERE member_id = h.member_id AND lot_id = e.lot_id OFFSET 0
        ) AS a
        ORDER BY h.number, e.sequence
        """;

    /// <summary>
    /// The highest position of an event that can be read, and the times of the first events that cannot: business time of the ledger, and real time
    /// of the others; and whether somebody is told about events.
    /// </summary>
    public const string State =
        $"""
        SELECT
            coalesce(greatest(
                (SELECT max(position) FROM point_ledger_entries WHERE sequence = group_sequence AND position < event_horizon()),
                (SELECT max(position) FROM point_config_history WHERE position < event_horizon()),
                (SELECT max(position) FROM admin_audit WHERE position < event_horizon()),
                (SELECT max(position) FROM expiry_notices WHERE position < event_horizon())), 0),
            (SELECT occurred_at FROM point_ledger_entries WHERE sequence = group_sequence AND position >= event_horizon()
             ORDER BY position, member_id, sequence LIMIT 1),
            least(
                (SELECT updated_at FROM point_config_history WHERE position >= event_horizon() ORDER BY position, id LIMIT 1),
                (SELECT occurred_at FROM admin_audit WHERE position >= event_horizon() ORDER BY position, id LIMIT 1),
                (SELECT given_at FROM expiry_notices WHERE position >= event_horizon() ORDER BY position, id LIMIT 1)),
            coalesce({EventPositions.AreAhead}, false),
            EXISTS (SELECT FROM webhook_endpoints WHERE disabled_reason IS NULL)
        """;

    /// <summary>
    /// The transaction with the lowest id, which is the horizon: a session or a prepared transaction. The server shows sessions of other roles
    /// only to members of pg_read_all_stats.
    /// </summary>
    public const string Blocker =
        """
        SELECT pid::text, state, extract(epoch FROM clock_timestamp() - xact_start)::float8, age(backend_xid), application_name
        FROM pg_stat_activity WHERE backend_xid IS NOT NULL
        UNION ALL
        SELECT gid, NULL, extract(epoch FROM clock_timestamp() - prepared)::float8, age(transaction), NULL FROM pg_prepared_xacts
        ORDER BY 4 DESC LIMIT 1
        """;
}
