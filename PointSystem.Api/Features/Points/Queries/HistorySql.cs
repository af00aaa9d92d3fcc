namespace PointSystem.Api.Features.Points.Queries;

/// <summary>
/// The statements that read the history. Each finds the groups of a page, newest first, as ranges of sequences (<c>head</c>), and then
/// reads their entries. Groups are contiguous and sequences have no gaps, so the next group is one step away in the primary key, and no
/// statement reads more of the ledger than it returns.
/// </summary>
/// <remarks>
/// Parameters: $1 member, $2 upper bound of the sequence (exclusive), $3 maximum number of groups plus one, then the parameters of the
/// filter.
/// </remarks>
internal static class HistorySql
{
    /// <summary>
    /// Number of entries after which a page ends, whatever its size: 100 usages with 100 entries each would be an answer of 1 MB.
    /// </summary>
    private const int EntriesMax = 1000;

    // Each LATERAL has an OFFSET 0, which keeps the planner from turning it into a join: it expects hundreds of entries in a group, and
    // would merge or hash a member's whole ledger, or all of its lots, instead of looking up the few that a page needs. (Declared before
    // the statements that use it.)
    private static readonly string Page =
        $"""
        , page AS (
            SELECT first, last,
                count(*) OVER () AS heads,
                row_number() OVER newest AS number,
                sum(least(last - first + 1, {InnerLists.SizeMax})) OVER newest - least(last - first + 1, {InnerLists.SizeMax}) AS entries_before
            FROM head WINDOW newest AS (ORDER BY first DESC)
        )
        SELECT p.first, p.heads, f.kind, f.point_key, f.actor, f.reason, f.order_number, e.sequence, e.delta, e.balance_after, e.occurred_at,
            (SELECT a.point_key FROM point_accumulations AS a WHERE a.member_id = $1 AND a.lot_id = e.lot_id) AS lot_key,
            p.last, f.balance_before, t.balance_after AS last_balance
        FROM (SELECT * FROM page WHERE number < $3 AND entries_before < {EntriesMax} OFFSET 0) AS p
        CROSS JOIN LATERAL (
            SELECT kind, point_key, actor, reason, balance_after - delta AS balance_before,
                CASE
                    WHEN kind = 'USE' THEN
                        (SELECT order_number FROM point_usages WHERE member_id = $1 AND usage_id = p.first)
                    WHEN kind IN ('USE_CANCEL', 'REGRANT') THEN
                        (SELECT u.order_number FROM usage_cancellations AS c JOIN point_usages AS u ON u.member_id = $1 AND u.usage_id = c.usage_id
                         WHERE c.member_id = $1 AND c.point_key = l.point_key)
                END AS order_number
            FROM point_ledger_entries AS l WHERE member_id = $1 AND sequence = p.first OFFSET 0
        ) AS f
        CROSS JOIN LATERAL (SELECT balance_after FROM point_ledger_entries WHERE member_id = $1 AND sequence = p.last OFFSET 0) AS t
        CROSS JOIN LATERAL (
            SELECT sequence, delta, balance_after, occurred_at, lot_id
            FROM point_ledger_entries WHERE member_id = $1 AND sequence BETWEEN p.first AND least(p.last, p.first + {InnerLists.SizeMax} - 1) OFFSET 0
        ) AS e
        ORDER BY p.first DESC, e.sequence
        """;

    /// <summary>
    /// The entries $2 to $3 of a member's ledger, at most $4: the rest of a group that is longer than <see cref="InnerLists.SizeMax"/>.
    /// </summary>
    public const string Entries =
        $"""
        SELECT e.sequence, e.delta, (SELECT a.point_key FROM point_accumulations AS a WHERE a.member_id = $1 AND a.lot_id = e.lot_id)
        FROM (
            SELECT sequence, delta, lot_id FROM point_ledger_entries
            WHERE member_id = $1 AND sequence BETWEEN $2 AND $3 ORDER BY sequence {Sql.PageMax}
        ) AS e
        ORDER BY e.sequence LIMIT $4
        """;

    /// <summary>All groups: walks from the end of a group to the end of the previous one.</summary>
    public static readonly string Newest =
        $"""
        WITH RECURSIVE head AS (
            (SELECT group_sequence AS first, sequence AS last, 1 AS number FROM point_ledger_entries
             WHERE member_id = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT 1)
            UNION ALL
            SELECT e.group_sequence, e.sequence, h.number + 1
            FROM head AS h JOIN point_ledger_entries AS e ON e.member_id = $1 AND e.sequence = h.first - 1
            WHERE h.number < $3
        ){Page}
        """;

    /// <summary>
    /// Groups of one kind ($4): the partial index holds their first entries. Each ends before the next group of any kind.
    /// </summary>
    public static readonly string OfKind =
        $"""
        WITH head AS (
            SELECT k.sequence AS first,
                coalesce(
                    (SELECT sequence FROM point_ledger_entries
                     WHERE member_id = $1 AND sequence > k.sequence AND sequence = group_sequence ORDER BY sequence LIMIT 1),
                    (SELECT max(sequence) + 1 FROM point_ledger_entries WHERE member_id = $1)) - 1 AS last
            FROM (
                SELECT sequence FROM point_ledger_entries
                WHERE member_id = $1 AND kind = $4 AND sequence = group_sequence AND sequence < $2 ORDER BY sequence DESC {Sql.PageMax}
            ) AS k
            ORDER BY first DESC LIMIT $3
        ){Page}
        """;

    /// <summary>
    /// Groups of one order ($4), optionally of one kind ($5): its usages, whose ids are the sequences of their groups, and their
    /// cancellations, each with a group of restored parts, a group of re-granted parts, or both in this order. usage_id > 0 is the condition of the index.
    /// </summary>
    public static readonly string OfOrder =
        $"""
        WITH head AS (
            (SELECT u.usage_id AS first,
                u.usage_id - 1 + (SELECT max(detail_number) FROM point_usage_details AS d WHERE d.member_id = $1 AND d.usage_id = u.usage_id) AS last
             FROM point_usages AS u
             WHERE u.member_id = $1 AND u.order_number = $4 AND u.usage_id > 0 AND u.usage_id < $2 AND coalesce($5, 'USE') = 'USE'
             ORDER BY u.usage_id DESC {Sql.PageMax})
            UNION ALL
            (SELECT g.first, g.last
             FROM point_usages AS u
             JOIN usage_cancellations AS c ON c.member_id = $1 AND c.usage_id = u.usage_id
             CROSS JOIN LATERAL (
                SELECT group_sequence AS first FROM point_ledger_entries WHERE member_id = $1 AND sequence = c.last_sequence
             ) AS final
             CROSS JOIN LATERAL (VALUES (final.first, c.last_sequence), (c.first_sequence, final.first - 1)) AS g (first, last)
             WHERE u.member_id = $1 AND u.order_number = $4 AND u.usage_id > 0 AND g.first <= g.last AND g.first < $2
               AND ($5 IS NULL OR $5 = (SELECT kind FROM point_ledger_entries WHERE member_id = $1 AND sequence = g.first))
             ORDER BY g.first DESC {Sql.PageMax})
            ORDER BY first DESC LIMIT $3
        ){Page}
        """;
}
