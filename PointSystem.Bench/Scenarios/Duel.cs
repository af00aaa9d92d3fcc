using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Contenders in turn, A B C A B C …, under the same load on the same processes.</summary>
internal sealed record Duel(string Name, string Summary) : Scenario(Name, Summary)
{
    private const long FirstMember = 1;
    private const int MemberCount = 10_000;
    private const long LotAmount = 100_000;
    private const int CallersDefault = 100;
    private const int RoundsDefault = 3;
    private const double SecondsDefault = 5;

    // Long enough for connections, prepared statements and, in the first round, compiled code.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan FirstWarmUp = TimeSpan.FromSeconds(5);

    /// <summary>Whom a caller's requests are for, by the caller's number.</summary>
    public Func<int, Members> Members { get; init; } = caller => new Members.Uniform(FirstMember, MemberCount, caller + 1);

    /// <summary>Lots of the first member, and of every other.</summary>
    public (int First, int Others) Lots { get; init; } = (2, 2);

    /// <summary>Always the first member.</summary>
    public static Members HotMember(int caller) => new Members.One(FirstMember);

    /// <summary>Points enough for millions of uses.</summary>
    public static (int First, int Others) HotLots => (100, 2);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = (options.Contenders ?? ["row", "distributed", "adaptive"]).Select(Contender.Find).ToList();
        var rounds = options.Rounds ?? RoundsDefault;
        var callers = options.Callers ?? CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? (options.Requests is null ? SecondsDefault : 600));
        await using var cluster = await run.StartClusterAsync(null, cancellationToken);
        run.Say($"Seeding {MemberCount:N0} members ...");
        await Seeder.AddAsync(cluster, FirstMember, 1, Lots.First, LotAmount, cancellationToken);
        await Seeder.AddAsync(cluster, FirstMember + 1, MemberCount - 1, Lots.Others, LotAmount, cancellationToken);
        await Seeder.SettleAsync(cluster, cancellationToken);

        var load = new ClosedLoop(cluster.Targets(options.Gateway), callers, Members);
        var turns = contenders.ToDictionary(contender => contender.Name, _ => new List<Turn>());
        var warmUps = new List<Turn>();
        for (var round = 1; round <= rounds; round++)
        {
            foreach (var contender in contenders)
            {
                await contender.EnterAsync(cluster, cancellationToken);
                warmUps.Add(load.Run(round == 1 ? FirstWarmUp : WarmUp));
                var turn = await MeasureAsync(cluster, () => load.Run(time, options.Requests), cancellationToken);
                await contender.LeaveAsync(cluster, cancellationToken);
                turns[contender.Name].Add(turn);
                run.Say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round}/{rounds}  {contender.Name,-12} {turn.PerSecond,8:N0}/s  p50 {turn.P50,7:N1} ms  p99 {turn.P99,7:N1} ms  errors {turn.Errors}"));
            }
        }

        var all = turns.Values.SelectMany(list => list).Concat(warmUps).ToList();
        var unanswered = all.Sum(turn => turn.ErrorKinds.GetValueOrDefault("no answer"));
        var books = await Books.CheckAsync(cluster, 0, all.Sum(turn => turn.Accepted), unanswered, cancellationToken);
        var report = await run.DescribeAsync(this, cluster, Settings(options, rounds, callers, time), cancellationToken);
        return report with
        {
            Columns = TurnColumns.All,
            Rows = [.. contenders.Select(contender => TurnColumns.Row(contender, turns[contender.Name], turns.GetValueOrDefault(Contender.Baseline)))],
            Targets = Targets(turns),
            Notes = [.. ErrorNotes(turns), books],
        };
    }

    private static async Task<Turn> MeasureAsync(BenchCluster cluster, Func<Turn> load, CancellationToken cancellationToken)
    {
        var commits = await CommitsAsync(cluster, cancellationToken);
        var processors = ProcessorTime.Read(cluster);
        var turn = load();
        return turn with
        {
            Cpu = ProcessorTime.Between(processors, ProcessorTime.Read(cluster)),
            Commits = await CommitsAsync(cluster, cancellationToken) - commits,
        };
    }

    // Sessions hand in their counts about once a second at most, when idle; what is missed at the end of a turn is as much as what is taken over at its begin.
    private static Task<long> CommitsAsync(BenchCluster cluster, CancellationToken cancellationToken) =>
        cluster.ScalarAsync<long>("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()", cancellationToken);

    private static Dictionary<string, string> Settings(BenchOptions options, int rounds, int callers, TimeSpan time) => new()
    {
        ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
        ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
        [options.Requests is null ? "seconds a turn" : "requests a turn"] =
            options.Requests?.ToString(CultureInfo.InvariantCulture) ?? time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
        ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
        ["requests go"] = options.Gateway ? "through the gateway" : "straight to the replicas, callers spread evenly",
    };

    private Target[] Targets(Dictionary<string, List<Turn>> turns)
    {
        Target? AtLeast(string contender, double wanted) =>
            turns.TryGetValue(contender, out var mine) && turns.TryGetValue(Contender.Baseline, out var rows)
                ? new Target($"{contender} to row, requests/s", wanted, true, TurnColumns.Ratio(mine, rows).Median, " ×")
                : null;
        Target?[] all = Name switch
        {
            "hot" => [AtLeast("distributed", 10)],
            "uniform" => [AtLeast("adaptive", 2.5), AtLeast("distributed", 1.2)],
            _ => [],
        };
        return [.. all.OfType<Target>()];
    }

    private static IEnumerable<string> ErrorNotes(Dictionary<string, List<Turn>> turns) =>
        from contender in turns
        from kind in contender.Value.SelectMany(turn => turn.ErrorKinds).GroupBy(kind => kind.Key, kind => kind.Value)
        orderby contender.Key, kind.Key
        select $"Errors of {contender.Key}: {kind.Sum():N0} × {kind.Key}.";
}
