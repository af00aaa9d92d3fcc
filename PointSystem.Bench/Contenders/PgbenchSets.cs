using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using PointSystem.Bench.Servers;

namespace PointSystem.Bench.Contenders;

/// <summary>
/// What the database can do at most: pgbench sends the statements with which a replica writes a full batch. A replica writes one first, and
/// reports the statements that the server has prepared for it, so the texts are always those of the product. A statement computes the
/// values instead of the application, once per transaction, and passes them on as settings of the transaction.
/// </summary>
internal sealed partial record PgbenchSets()
    : PgbenchContender(ContenderName, $"no application: pgbench sends the statements of a full batch, {BatchUses} uses in each transaction", BatchUses)
{
    public const string ContenderName = "pgbench-sets";

    /// <summary>Uses in each transaction.</summary>
    public const int BatchUses = 64;

    private const string EachUse = "ARRAY[cardinality(current_setting('bench.use_members')::bigint[])]";
    private const string Now = "current_setting('bench.now')::timestamptz";
    private const string EachMember = "ARRAY[cardinality(current_setting('bench.members')::bigint[])]";

    /// <summary>
    /// The values of <c>$1</c>, <c>$2</c> … for the statement that contains the text. The texts name the columns in the order of the
    /// parameters, so a change of the product's statement is found: then no text fits.
    /// </summary>
    private static readonly (string Text, string[] Values)[] Known =
    [
        ("set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)", ["'5000'", "'5000'"]),
        ("FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE", [Setting("members")]),
        (
            "FROM unnest($1, $2, $3, $4) AS d (member_id, amount, times, gain)",
            [
                Setting("draw_members"), $"array_cat(array_fill(0, {EachMember}), array_fill(1, {EachMember}))", Setting("draw_times"),
                $"array_cat(array_fill(0, {EachMember}), array_fill(0, {EachMember}))", "current_date",
            ]),
        (
            "FROM unnest($1, $2, $3, $4, $5, $6, $7) AS n (member_id, lot_id, available, used, cancelled, expired, updated_at)",
            [
                Setting("members"), Setting("lots"), Setting("available"), Setting("used"), Fill("0", EachMember), Fill("0", EachMember),
                Fill(Now, EachMember),
            ]),
        (
            "INTO point_usages (member_id, usage_id, point_key, order_number, total_amount, cancelled_amount, created_at, updated_at)",
            [
                Setting("use_members"), Setting("use_ids"), Setting("use_keys"), Setting("use_orders"), Fill("1", EachUse), Fill("0", EachUse),
                Fill(Now, EachUse), Fill(Now, EachUse),
            ]),
        (
            "INTO point_usage_details (member_id, usage_id, detail_number, lot_id, amount, cancelled_amount)",
            [Setting("use_members"), Setting("use_ids"), Fill("1", EachUse), Setting("use_lots"), Fill("1", EachUse), Fill("0", EachUse)]),
        (
            "(member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor, reason)",
            [
                Setting("use_members"), Setting("use_ids"), Setting("use_ids"), Fill("'USE'::text", EachUse), Setting("use_keys"), Setting("use_lots"),
                Fill("-1", EachUse), Setting("use_balances"), Fill(Now, EachUse), Fill("'pgbench'::text", EachUse), Fill("NULL::text", EachUse),
            ]),
        (
            "FROM unnest($1, $2, $3, $4, $5) AS n (member_id, balance, manual_balance, version, last_entry_at)",
            [Setting("members"), Setting("balances"), Setting("manual_balances"), Setting("versions"), Fill(Now, EachMember)]),
    ];

    // Before the wallets are locked: the members and their number of uses, and the two draws that the product declares for each.
    private const string Choose =
        """
        SELECT set_config('bench.members', array_agg(m)::text, true), set_config('bench.uses', array_agg(uses)::text, true),
               set_config('bench.draw_members', (array_agg(m) || array_agg(m))::text, true),
               set_config('bench.draw_times', (array_agg(1::bigint) || array_agg(uses))::text, true)
        FROM (SELECT m, count(*) AS uses FROM unnest(ARRAY[%MEMBERS%]) AS p (m) GROUP BY m ORDER BY m) AS p
        """;

    // Under the locks. A lot that cannot take all uses of a batch is left as it is.
    private const string Decide =
        """
        WITH found AS MATERIALIZED (
            SELECT p.m, p.uses, w.balance, w.manual_balance, w.version, l.lot_id, l.available_amount, l.used_amount
            FROM unnest(current_setting('bench.members')::bigint[], current_setting('bench.uses')::bigint[]) AS p (m, uses)
            CROSS JOIN LATERAL (SELECT * FROM member_wallets WHERE member_id = p.m OFFSET 0) AS w
            CROSS JOIN LATERAL (
                SELECT * FROM point_accumulations WHERE member_id = p.m AND is_open AND available_amount >= p.uses
                ORDER BY is_manual_grant DESC, expiration_date, created_at, lot_id LIMIT 1
            ) AS l
            ORDER BY p.m
        ), members AS MATERIALIZED (
            SELECT set_config('bench.lots', array_agg(lot_id)::text, true),
                   set_config('bench.available', array_agg(available_amount - uses)::text, true),
                   set_config('bench.used', array_agg(used_amount + uses)::text, true),
                   set_config('bench.balances', array_agg(balance - uses)::text, true),
                   set_config('bench.manual_balances', array_agg(manual_balance)::text, true),
                   set_config('bench.versions', array_agg(version + uses)::text, true)
            FROM found
        ), uses AS MATERIALIZED (
            SELECT set_config('bench.use_members', array_agg(m)::text, true), set_config('bench.use_ids', array_agg(version + i)::text, true),
                   set_config('bench.use_keys', array_agg(bench_usage_key(m, :a::bigint, :b::bigint + i))::text, true),
                   set_config('bench.use_orders', array_agg('S' || :a::bigint || '-' || i)::text, true),
                   set_config('bench.use_lots', array_agg(lot_id)::text, true), set_config('bench.use_balances', array_agg(balance - i)::text, true)
            FROM (SELECT * FROM found CROSS JOIN LATERAL generate_series(1, uses) AS i) AS u
        )
        SELECT set_config('bench.now', clock_timestamp()::text, true) FROM members, uses
        """;

    protected override int UsesOfScript => BatchUses;

    // The transactions of one member exclude each other, and all of them share the processors: more connections only wait.
    protected override int ClientsFor(BenchLoad load) => Math.Min(load.Callers, 2 * Environment.ProcessorCount);

    protected override async Task<string> ScriptAsync(BenchCluster cluster, string member, CancellationToken cancellationToken) =>
        Script(await cluster.CaptureBatchAsync(BatchUses, cancellationToken), member);

    /// <summary>The script for the statements of a batch.</summary>
    /// <exception cref="BenchException">The product sends other statements than those this contender has values for.</exception>
    internal static string Script(IReadOnlyList<PreparedStatement> batch, string member)
    {
        var script = new StringBuilder();
        for (var i = 0; i < BatchUses; i++)
        {
            script.AppendLine(CultureInfo.InvariantCulture, $"\\set m{i} {member}");
        }

        script.AppendLine("\\set a random(1, 9000000000000000000)").AppendLine("\\set b random(1, 9000000000000000000)");
        // The first statement of a connection makes pgbench prepare all others. Older versions cannot do that within a pipeline.
        script.AppendLine("\\if :fresh").AppendLine("SELECT 1;").AppendLine("\\set fresh 0").AppendLine("\\endif").AppendLine("\\startpipeline");
        var members = string.Join(", ", Enumerable.Range(0, BatchUses).Select(i => $":m{i}::bigint"));
        var isWriting = false;
        var left = Known.ToList();
        foreach (var statement in batch)
        {
            if (!isWriting && (statement.Text.StartsWith("INSERT", StringComparison.Ordinal) || statement.Text.StartsWith("UPDATE", StringComparison.Ordinal)))
            {
                isWriting = true;
                script.AppendLine("\\endpipeline").AppendLine("\\startpipeline").AppendLine(Decide + ";");
            }

            script.AppendLine(WithValues(statement, left) + ";");
            if (statement.Text.StartsWith("BEGIN", StringComparison.Ordinal))
            {
                script.AppendLine(Choose.Replace("%MEMBERS%", members, StringComparison.Ordinal) + ";");
            }
        }

        return left.Count == 0 && batch.Count == Known.Length + 2
            ? script.AppendLine("\\endpipeline").ToString()
            : throw new BenchException($"{ContenderName} misses statements of a batch: {string.Join("; ", left.Select(known => known.Text))}.");
    }

    private static string WithValues(PreparedStatement statement, List<(string Text, string[] Values)> left)
    {
        if (statement.Types.Count == 0 && statement.Text.Split(' ')[0] is "BEGIN" or "COMMIT")
        {
            return statement.Text;
        }

        var at = left.FindIndex(known => statement.Text.Contains(known.Text, StringComparison.Ordinal));
        if (at < 0 || left[at].Values.Length != statement.Types.Count)
        {
            throw new BenchException($"{ContenderName} has no values for a statement of the product: {statement.Text}");
        }

        var values = left[at].Values;
        left.RemoveAt(at);
        return Parameter().Replace(statement.Text, match =>
        {
            var number = int.Parse(match.ValueSpan[1..], CultureInfo.InvariantCulture) - 1;
            return $"({values[number]})::{statement.Types[number]}";
        });
    }

    private static string Setting(string name) => $"current_setting('bench.{name}')";

    private static string Fill(string value, string length) => $"array_fill({value}, {length})";

    [GeneratedRegex(@"\$\d+")]
    private static partial Regex Parameter();
}

/// <summary>A statement that a session of the product has prepared.</summary>
/// <param name="Text">The text, with parameters <c>$1</c>, <c>$2</c> ….</param>
/// <param name="Types">The types of the parameters.</param>
internal sealed record PreparedStatement(string Text, IReadOnlyList<string> Types);
