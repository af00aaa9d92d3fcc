using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using PointSystem.Bench.Load;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;

namespace PointSystem.Bench.Contenders;

/// <summary>
/// The lower bound: pgbench sends the statements of one use, prepared and in the same two round trips, without an application. Scalar
/// subselects replace the values that the application would compute.
/// </summary>
internal sealed partial record PgbenchContender()
    : Contender(ContenderName, "no application: pgbench sends the statements of row, prepared, in the same two round trips")
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

    // The planner inlines these functions. The bench never uses up a lot, so the first lot in draw order is the one to draw from.
    private const string Functions =
        """
        CREATE OR REPLACE FUNCTION bench_next_lot(m bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
            SELECT lot_id FROM point_accumulations
            WHERE member_id = m AND is_open ORDER BY is_manual_grant DESC, expiration_date, created_at, lot_id LIMIT 1
        $$;
        CREATE OR REPLACE FUNCTION bench_usage_key(m bigint, a bigint, b bigint) RETURNS text LANGUAGE sql STABLE AS $$
            SELECT 'use_' || rtrim(translate(encode(ltrim(int8send(m), '\x00') || int8send(a) || int8send(b), 'base64'), '+/', '-_'), '=')
        $$;
        """;

    /// <summary>Returns null if it is not installed.</summary>
    public static string? FindProgram()
    {
        var name = OperatingSystem.IsWindows() ? "pgbench.exe" : "pgbench";
        return Executables.OnPath("pgbench")
            ?? PostgresBinaries.FindInstalled().Select(binaries => Path.Combine(binaries.Directory, name)).FirstOrDefault(File.Exists);
    }

    public override async Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        await using var command = cluster.Database.CreateCommand(Functions);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public override async Task<Turn> RunAsync(BenchCluster cluster, BenchLoad load, TimeSpan time, long? requests, CancellationToken cancellationToken)
    {
        var program = FindProgram() ?? throw new BenchException("pgbench was not found: install PostgreSQL's programs, or exclude it with --contenders.");
        var directory = Directory.CreateTempSubdirectory("pointsystem-pgbench-").FullName;
        try
        {
            var script = Path.Combine(directory, "use.sql");
            await File.WriteAllTextAsync(script, Script.Replace("%MEMBER%", load.PgbenchMember, StringComparison.Ordinal), cancellationToken);
            var log = Path.Combine(directory, "log");
            string[] length = requests is { } number
                ? ["-t", $"{Math.Max(1, number / load.Callers)}"]
                : ["-T", $"{Math.Max(1, (int)Math.Round(time.TotalSeconds))}"];
            var text = await ExecuteAsync(
                program,
                cluster.Local.ConnectionString,
                ["-n", "-M", "prepared", "-c", $"{load.Callers}", "-j", "2", "-D", "fresh=1", "-f", script, "--log", "--log-prefix", log, .. length, "points"],
                cancellationToken);
            return Read(text, Directory.EnumerateFiles(directory, "log.*"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<string> ExecuteAsync(string program, string connectionString, string[] arguments, CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["PGHOST"] = connection.Host;
        info.Environment["PGPORT"] = connection.Port.ToString(CultureInfo.InvariantCulture);
        info.Environment["PGUSER"] = connection.Username;
        info.Environment["PGPASSWORD"] = connection.Password;
        info.Environment["PGDATABASE"] = connection.Database;
        info.Environment["PGOPTIONS"] = "-c jit=off -c enable_seqscan=off";
        using var process = Process.Start(info) ?? throw new BenchException("pgbench did not start.");
        try
        {
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var text = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? text : throw new BenchException($"pgbench failed: {await errors}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>
    /// Reads the number and rate of transactions from the summary, and the latencies from the log (its third field, in µs).
    /// </summary>
    private static Turn Read(string text, IEnumerable<string> logs)
    {
        var latencies = logs.SelectMany(File.ReadLines)
            .Select(line => Latency(line))
            .Order().ToArray();
        if (!long.TryParse(Processed().Match(text).Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var done))
        {
            throw new BenchException($"pgbench's output has no number of transactions:\n{text}");
        }

        if (done == 0)
        {
            // A short turn may end before all connections are established.
            return Recording.Merge([], 1);
        }

        if (!double.TryParse(TransactionsPerSecond().Match(text).Groups[1].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out var perSecond))
        {
            throw new BenchException($"pgbench's output has no rate:\n{text}");
        }

        return new Turn
        {
            Requests = done,
            Seconds = done / perSecond,
            Errors = 0,
            ErrorKinds = new Dictionary<string, long>(),
            Accepted = done,
            Mean = latencies.Average(),
            P50 = Percentile.Of<double>(latencies, 50),
            P95 = Percentile.Of<double>(latencies, 95),
            P99 = Percentile.Of<double>(latencies, 99),
            Max = latencies[^1],
        };
    }

    private static double Latency(string line) =>
        line.Split(' ') is [_, _, var time, ..] && double.TryParse(time, NumberStyles.Float, CultureInfo.InvariantCulture, out var microseconds)
            ? microseconds / 1000
            : throw new BenchException($"pgbench wrote an unreadable line: '{line}'");

    [GeneratedRegex(@"actually processed: (\d+)")]
    private static partial Regex Processed();

    [GeneratedRegex(@"tps = ([\d.]+) \(without initial connection time\)")]
    private static partial Regex TransactionsPerSecond();
}
