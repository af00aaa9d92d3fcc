using System.Globalization;
using System.Text.RegularExpressions;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Stats;
using PointSystem.Local.Processes;

namespace PointSystem.Bench.Scenarios;

/// <summary>Shows in which code the replicas spend their processor time, as perf samples it.</summary>
internal sealed partial record Profile() : Scenario(
    "profile", "in which code the replicas spend their processor time under one load and one contender, by perf (--loads uniform --contenders distributed)")
{
    private const double WarmUpDefault = 20;
    private const double SecondsDefault = 8;
    private const double ShareMin = 0.5;
    private const string Share = "share";

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var perf = Executables.OnPath("perf") ?? throw new BenchException("perf was not found; it is part of Linux (Debian: the package linux-perf).");
        var load = ContenderRun.Find(options.Loads is { Count: > 0 } loads ? loads[0] : "uniform");
        var contender = Contender.Find(options.Contenders is { Count: > 0 } names ? names[0] : Targets.Distributed);
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? SecondsDefault);
        await using var cluster = await run.StartClusterAsync(
            local =>
            {
                // The names of compiled methods, and their code where perf can tell it from files.
                local.ApiEnvironment["DOTNET_PerfMapEnabled"] = "1";
                local.ApiEnvironment["DOTNET_EnableWriteXorExecute"] = "0";
            },
            cancellationToken);
        await ContenderRun.SeedAsync(cluster, cancellationToken);
        var runner = new RoundRunner(run, cluster);
        var bench = new BenchLoad(new ClosedLoop(cluster.Targets(options.Straight), callers, load.Members), callers, load.PgbenchMember);
        await contender.EnterAsync(cluster, cancellationToken);
        runner.Count(await contender.RunAsync(cluster, bench, TimeSpan.FromSeconds(options.WarmUp ?? WarmUpDefault), null, cancellationToken));

        var samples = Path.Combine(options.DataDirectory!, "perf.data");
        var replicas = string.Join(',', cluster.Local.Replicas.Select(replica => replica.Process.ProcessId));
        var recording = PerfAsync(
            ["record", "-o", samples, "-F", "499", "-p", replicas, "--", "sleep", time.TotalSeconds.ToString(CultureInfo.InvariantCulture)]);
        var turn = runner.Count(await contender.RunAsync(cluster, bench, time, null, cancellationToken));
        await recording;
        await contender.LeaveAsync(cluster, cancellationToken);
        var shares = SharesOf(await PerfAsync(["report", "-i", samples, "--stdio", "-t", "|", "--sort", "dso,symbol"]));
        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["load"] = load.Name,
            ["contender"] = contender.Name,
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
            ["requests/s"] = turn.PerSecond.ToString("N0", CultureInfo.InvariantCulture),
            ["requests go"] = options.Route,
        }, cancellationToken);
        return report with
        {
            Charted = Share,
            Columns = [new Column(Share, "% of the samples", 1)],
            Rows =
            [
                .. shares.Where(share => share.Value >= ShareMin).OrderByDescending(share => share.Value)
                    .Select(share => new Row(share.Key, "", new Dictionary<string, Spread> { [Share] = Spread.Of(share.Value) })),
            ],
            Notes = [ledger],
        };

        async Task<IReadOnlyCollection<string>> PerfAsync(string[] arguments)
        {
            var (exitCode, lines) = await OneShot.RunAsync(
                new ProcessSpec { Name = "perf", FileName = perf, Arguments = arguments }, null, time + TimeSpan.FromMinutes(2), cancellationToken);
            return exitCode == 0 ? lines : throw new BenchException($"perf {arguments[0]} failed: {string.Join(' ', lines.TakeLast(3))}");
        }
    }

    /// <summary>Adds up perf's lines by assembly; the kernel, the compiler and other native code stand for themselves.</summary>
    internal static IReadOnlyDictionary<string, double> SharesOf(IEnumerable<string> lines)
    {
        var shares = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var cells in lines.Select(line => line.Split('|', 3, StringSplitOptions.TrimEntries)))
        {
            if (cells.Length == 3 && double.TryParse(cells[0].TrimEnd('%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var share))
            {
                var name = NameOf(cells[1], cells[2]);
                shares[name] = shares.GetValueOrDefault(name) + share;
            }
        }

        return shares;
    }

    private static string NameOf(string module, string symbol) => module switch
    {
        _ when module.StartsWith("[kernel", StringComparison.Ordinal) => "kernel",
        "libclrjit.so" => "JIT compiler",
        _ when module.EndsWith(".dll", StringComparison.Ordinal) => module[..^".dll".Length],
        _ when Assembly().Match(symbol) is { Success: true } managed => managed.Groups[1].Value,
        _ when module.Contains(".so", StringComparison.Ordinal) => "runtime and native libraries",
        _ => "stubs and code without a name",
    };

    // A compiled method in the runtime's map: "[.] instance void [Npgsql] Npgsql.Internal.NpgsqlConnector::Flush()[Tier1]".
    [GeneratedRegex(@"\[([A-Za-z][\w.]*)\] [\w.<]")]
    private static partial Regex Assembly();
}
