using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Host;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Contenders in turn, A B C A B C …, under the same load on the same processes.</summary>
internal sealed record ContenderRun(string Name, string Summary) : Scenario(Name, Summary)
{
    private const long FirstMember = 1;
    public const int MemberCount = 10_000;
    private const long LotAmount = 100_000;

    // Enough for millions of uses of the first member. The other members have two lots.
    private const int FirstMemberLots = 100;
    public const int CallersDefault = 100;
    private const int RoundsDefault = 3;
    private const double SecondsDefault = 4;

    // Long enough for connections and prepared statements, and the first time for the JIT compiler.
    private const double WarmUpDefault = 3;
    private const double ZipfExponent = 1.1;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);
    private static readonly Lazy<double[]> Weights = new(() => Load.Members.Zipf.Weights(MemberCount, ZipfExponent));

    private static readonly string[] DefaultContenders =
    [
        Contender.Baseline, Guards.EveryLot, "distributed", "adaptive", "fallback", Guards.MedallionRedis, Guards.MedallionPostgres, Guards.RedLock,
    ];

    private static readonly string[] WithLimits = [.. DefaultContenders, PgbenchRow.ContenderName, PgbenchSets.ContenderName, Guards.HttpFloor];

    /// <summary>Chooses the members of a caller's requests, by the caller's number.</summary>
    public required Func<int, Members> Members { get; init; }

    /// <summary>The same as a pgbench expression.</summary>
    public string? PgbenchMember { get; init; }

    /// <summary>The contenders if the command line names none.</summary>
    public IReadOnlyList<string> Contenders { get; init; } = DefaultContenders;

    /// <summary>Requests per turn; null for as many as fit into its time.</summary>
    public long? Requests { get; init; }

    public static ContenderRun Seed { get; } = new("seed", "100 users at a time send 10,000 requests, each user for its own member")
    {
        Members = caller => new Members.One(FirstMember + caller),
        Requests = 10_000,
        Contenders = [Contender.Baseline, "distributed", "adaptive", "fallback"],
    };

    public static ContenderRun Hot { get; } = new("hot", "100 callers spend from ONE member")
    {
        Members = _ => new Members.One(FirstMember),
        PgbenchMember = $"{FirstMember}",
        Contenders = WithLimits,
    };

    public static ContenderRun Uniform { get; } = new("uniform", "100 callers spend from 10,000 members with equal probability")
    {
        Members = caller => new Members.Uniform(FirstMember, MemberCount, caller + 1),
        PgbenchMember = $"random({FirstMember}, {FirstMember + MemberCount - 1})",
        Contenders = WithLimits,
    };

    public static ContenderRun Zipf { get; } = new(
        "zipf",
        string.Create(
            CultureInfo.InvariantCulture, $"100 callers spend from 10,000 members, the k-th with a probability proportional to k^-{ZipfExponent}"))
    {
        Members = caller => new Members.Zipf(FirstMember, Weights.Value, caller + 1),
        PgbenchMember = string.Create(CultureInfo.InvariantCulture, $"random_zipfian({FirstMember}, {FirstMember + MemberCount - 1}, {ZipfExponent})"),
        Contenders = WithLimits,
    };

    /// <exception cref="BenchException">There is no load of that name.</exception>
    public static ContenderRun Find(string name)
    {
        ContenderRun[] all = [Hot, Zipf, Uniform];
        return Array.Find(all, load => load.Name == name)
            ?? throw new BenchException($"There is no load '{name}': {string.Join(", ", all.Select(load => load.Name))}.");
    }

    /// <summary>Adds the members of every load.</summary>
    public static async Task SeedAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        await Seeder.AddAsync(cluster, FirstMember, 1, FirstMemberLots, LotAmount, cancellationToken);
        await Seeder.AddAsync(cluster, FirstMember + 1, MemberCount - 1, 2, LotAmount, cancellationToken);
        await Seeder.SettleAsync(cluster, cancellationToken);
    }

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = Choose(options);
        var rounds = options.Rounds ?? RoundsDefault;
        var callers = options.Callers ?? CallersDefault;
        var requests = options.Requests ?? (options.Seconds is null ? Requests : null);
        var time = requests is null ? TimeSpan.FromSeconds(options.Seconds ?? SecondsDefault) : Longest;
        var warmUp = TimeSpan.FromSeconds(options.WarmUp ?? WarmUpDefault);
        await using var cluster = await run.StartClusterAsync(null, cancellationToken);
        run.Say($"Seeding {MemberCount:N0} members ...");
        await SeedAsync(cluster, cancellationToken);

        var runner = new RoundRunner(run, cluster);
        var turns = await RoundsAsync(contenders, rounds, options.Straight, warmUp);

        // Once more on the way around the gateway, with the contenders that send requests at all. Everything is warm by now.
        var straight = options.Straight
            ? turns
            : await RoundsAsync([.. contenders.Where(contender => contender is not PgbenchContender)], 1, straight: true, warmUp / 3);

        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, Settings(options, rounds, callers, requests, time), cancellationToken);
        return report with
        {
            Charted = "perSecond",
            Columns = TurnColumns.All,
            Rows = [.. contenders.Select(contender => TurnColumns.Row(
                contender.Name, contender.Meaning, turns[contender.Name], turns, straight.GetValueOrDefault(contender.Name)))],
            Targets = [.. Targets.Of(Name, turns, options)],
            Notes = [.. RoundRunner.ErrorNotes(turns), .. options.Straight ? [] : RoundRunner.ErrorNotes(straight), ledger],
        };

        Task<IReadOnlyDictionary<string, List<Turn>>> RoundsAsync(IReadOnlyList<Contender> chosen, int number, bool straight, TimeSpan first)
        {
            var load = new BenchLoad(new ClosedLoop(cluster.Targets(straight), callers, Members), callers, PgbenchMember);
            return runner.RoundsAsync(
                chosen,
                number,
                (contender, round) => contender.RunAsync(cluster, load, round == 0 ? first : warmUp / 3, null, cancellationToken),
                contender => contender.RunAsync(cluster, load, time, requests, cancellationToken),
                time,
                cancellationToken);
        }
    }

    private List<Contender> Choose(BenchOptions options)
    {
        var chosen = (options.Contenders ?? Contenders).Select(Contender.Find).ToList();
        if (PgbenchMember is null && chosen.Exists(contender => contender is PgbenchContender))
        {
            throw new BenchException($"pgbench cannot run the scenario {Name}.");
        }

        // If requested explicitly it must be installed; otherwise it takes part only if it is installed.
        return options.Contenders is null && PgbenchContender.FindProgram() is null
            ? [.. chosen.Where(contender => contender is not PgbenchContender)]
            : chosen;
    }

    private static Dictionary<string, string> Settings(BenchOptions options, int rounds, int callers, long? requests, TimeSpan time) => new()
    {
        ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
        ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
        [requests is null ? "seconds a turn" : "requests a turn"] =
            requests?.ToString(CultureInfo.InvariantCulture) ?? time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
        ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
        ["requests go"] = options.Route,
    };
}
