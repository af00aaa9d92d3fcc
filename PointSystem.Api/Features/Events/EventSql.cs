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

    /// <summary>
    /// One plan for all values of the parameters of a page, until the end of the transaction. Planned with the values, a page at the end of the ledger
    /// seems to have few rows and the plan to be cheap, so the server would make a new one for each.
    /// </summary>
    public const string OnePlan = "SET LOCAL plan_cache_mode = force_generic_plan";

    /// <summary>The first entries of a page of events.</summary>
    /// <remarks>The constant limit inside shows the planner, which does not know $4, how few rows are needed.</remarks>
    public static readonly string Page =
        $"""
        SELECT * FROM (
            SELECT position, member_id, sequence, kind, point_key, actor, reason, occurred_at, balance_after, delta, lot_id
            FROM point_ledger_entries
            WHERE sequence = group_sequence AND (position, member_id, sequence) > ($1, $2, $3) AND position < event_horizon()
            ORDER BY position, member_id, sequence LIMIT {PageMax}
        ) AS h
        ORDER BY position, member_id, sequence LIMIT $4
        """;

    /// <summary>Accumulations, given as members ($1) and ids ($2).</summary>
    /// <remarks>OFFSET 0, here and below, keeps the planner from joining whole tables instead of looking up a few rows.</remarks>
    public const string Lots =
        """
        SELECT h.member_id, h.lot_id, a.point_key, a.expiration_date, a.is_manual_grant, a.source_point_key
        FROM unnest($1, $2) AS h (member_id, lot_id)
        CROSS JOIN LATERAL (
            SELECT point_key, expiration_date, is_manual_grant, source_point_key FROM point_accumulations
            WHERE member_id = h.member_id AND lot_id = h.lot_id OFFSET 0
        ) AS a
        """;

    /// <summary>
    /// The orders of usages, given as members ($1), the first ($2) and the last id ($3), and what the first entry of the last one took ($4). If the last one
    /// took more, or does not exist, its last entry and the balance after it.
    /// </summary>
    public static readonly string Usages =
        $"""
        SELECT h.member_id, coalesce(u.usage_id, h.sequence), u.order_number, l.last,
            CASE WHEN l.last IS NOT NULL THEN (SELECT balance_after FROM point_ledger_entries WHERE member_id = h.member_id AND sequence = l.last) END
        FROM unnest($1, $2, $3, $4) AS h (member_id, first, sequence, taken)
        LEFT JOIN LATERAL (
            SELECT usage_id, order_number, total_amount FROM point_usages
            WHERE member_id = h.member_id AND usage_id BETWEEN h.first AND h.sequence OFFSET 0
        ) AS u ON true
        CROSS JOIN LATERAL (
            SELECT CASE WHEN coalesce(u.usage_id = h.sequence, true) AND u.total_amount IS DISTINCT FROM h.taken THEN {LastOfGroup} END AS last OFFSET 0
        ) AS l
        """;

    /// <summary>
    /// What the first entries of transfers and of cancellations of usages do not say, given as members ($1), sequences ($2), kinds ($3) and point keys ($4).
    /// </summary>
    public static readonly string Groups =
        $"""
        SELECT h.member_id, h.sequence, l.last, (SELECT balance_after FROM point_ledger_entries WHERE member_id = h.member_id AND sequence = l.last),
            c.first_sequence, c.order_number, c.usage_key,
            CASE h.kind
                WHEN 'TRANSFER_OUT' THEN (SELECT to_member_id FROM point_transfers WHERE member_id = h.member_id AND first_sequence = h.sequence)
            END
        FROM unnest($1, $2, $3, $4) AS h (member_id, sequence, kind, point_key)
        LEFT JOIN LATERAL (
            SELECT c.first_sequence, c.last_sequence, u.order_number, u.point_key AS usage_key
            FROM usage_cancellations AS c LEFT JOIN point_usages AS u ON u.member_id = c.member_id AND u.usage_id = c.usage_id
            WHERE h.kind IN ('USE_CANCEL', 'REGRANT') AND c.member_id = h.member_id AND c.point_key = h.point_key OFFSET 0
        ) AS c ON true
        CROSS JOIN LATERAL (SELECT coalesce(c.last_sequence, {LastOfGroup}) AS last OFFSET 0) AS l
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
