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

/// <summary>No application: pgbench sends the statements, prepared and in the same two round trips.</summary>
/// <param name="Name">The name in options, tables and files.</param>
/// <param name="Meaning">One line of explanation for the table.</param>
/// <param name="Uses">Uses in each transaction. Figures count uses, like those of the other contenders.</param>
internal abstract partial record PgbenchContender(string Name, string Meaning, int Uses) : Contender(Name, Meaning)
{
    // The planner inlines the first function. The bench never uses up a lot, so the first lot in draw order is the one to draw from.
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

    /// <summary>The script; <c>:fresh</c> is 1 until it is set to 0, on each connection.</summary>
    protected abstract Task<string> ScriptAsync(BenchCluster cluster, string member, CancellationToken cancellationToken);

    /// <summary>Number of connections.</summary>
    protected abstract int ClientsFor(BenchLoad load);

    /// <summary>Uses that <see cref="ScriptAsync"/> itself has written.</summary>
    protected virtual int UsesOfScript => 0;

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
            await File.WriteAllTextAsync(script, await ScriptAsync(cluster, load.PgbenchMember!, cancellationToken), cancellationToken);
            var log = Path.Combine(directory, "log");
            var clients = ClientsFor(load);
            string[] length = requests is { } number
                ? ["-t", $"{Math.Max(1, number / Uses / clients)}"]
                : ["-T", $"{Math.Max(1, (int)Math.Round(time.TotalSeconds))}"];
            var text = await ExecuteAsync(
                program,
                cluster.Local.ConnectionString,
                ["-n", "-M", "prepared", "-c", $"{clients}", "-j", "2", "-D", "fresh=1", "-f", script, "--log", "--log-prefix", log, .. length, "points"],
                cancellationToken);
            var turn = Read(text, Directory.EnumerateFiles(directory, "log.*"));
            return turn with { Requests = turn.Requests * Uses, Answered = turn.Answered * Uses, Accepted = (turn.Accepted * Uses) + UsesOfScript };
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
            Answered = done,
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
