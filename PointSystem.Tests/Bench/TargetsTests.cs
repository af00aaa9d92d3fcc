using PointSystem.Bench;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Scenarios;
using PointSystem.Bench.Stats;

namespace PointSystem.Tests.Bench;

public sealed class TargetsTests
{
    private static readonly BenchOptions ByMember = new() { Scenario = "hot" };

    [Fact]
    public void Of_AdaptiveTarget_ComparesWithTheBetterOfEachRound()
    {
        var turns = Turns(("distributed", [100, 400]), ("fallback", [200, 200]), ("adaptive", [190, 380]));

        var target = Assert.Single(Targets.Of("uniform", turns, ByMember), target => target.Text.StartsWith("adaptive", StringComparison.Ordinal));
        Assert.Equal(0.95, target.Figure, 5);
        Assert.True(target.Reached);
    }

    [Theory]
    [InlineData("hot", false, 3, 14)]
    [InlineData("zipf", false, 3, 2.7)]
    [InlineData("uniform", false, 3, 2)]
    [InlineData("hot", true, 3, 10)]
    [InlineData("zipf", true, 8, 1)]
    [InlineData("hot", false, 8, 1)]
    public void Of_DistributedToRow_DependsOnTheRouteAndTheReplicas(string load, bool straight, int replicas, double bound)
    {
        var turns = Turns(("row", [10]), ("distributed", [140]));

        var targets = Targets.Of(load, turns, ByMember with { Straight = straight, Replicas = replicas });
        Assert.Equal(bound, Assert.Single(targets, target => target.Text == "distributed to row, requests/s").Wanted);
    }

    [Theory]
    [InlineData(false, false, 3, 900.0)]
    [InlineData(false, true, 8, 2200.0)]
    [InlineData(true, false, 8, 2200.0)]
    [InlineData(false, false, 8, null)]
    public void Of_LockCalls_CountsAttemptsAndReleases(bool straight, bool noAffinity, int replicas, double? bound)
    {
        var turns = Turns(("distributed", [1000]));
        turns["distributed"][0] = turns["distributed"][0] with { LockAttempts = 600, LockReleases = 300 };

        var target = Targets.Of("zipf", turns, ByMember with { Straight = straight, NoAffinity = noAffinity, Replicas = replicas })
            .SingleOrDefault(target => target.Text.Contains("lock attempts", StringComparison.Ordinal));
        Assert.Equal(bound, target?.Wanted);
        Assert.True(target is null || Math.Abs(target.Figure - 900) < 1e-9);
    }

    [Fact]
    public void Limit_IsTheSlowerFloorOfEachRound()
    {
        var turns = Turns(("distributed", [50, 60]), (PgbenchSets.ContenderName, [100, 300]), ("http-floor", [200, 120]));

        Assert.Equal(new Spread(50, 50, 50), TurnColumns.Limit(turns["distributed"], turns));
        Assert.Null(TurnColumns.Limit(turns["distributed"], Turns(("http-floor", [200, 120]))));
    }

    [Fact]
    public void Worst_SameText_KeepsTheOneFarthestFromItsBound()
    {
        var targets = Targets.Worst(
        [
            ("a", new Target("ratio", 2, true, 3)), ("b", new Target("ratio", 1, true, 0.9)),
            ("a", new Target("p99", 40, false, 50)), ("b", new Target("p99", 40, false, 60)), ("a", new Target("once", 1, true, 2)),
        ]);

        Assert.Equal([("ratio, at worst (b)", 0.9), ("p99, at worst (b)", 60), ("once (a)", 2)], targets.Select(target => (target.Text, target.Figure)));
    }

    [Fact]
    public void SharesOf_PerfReport_AddsUpByAssembly()
    {
        string[] lines =
        [
            "# Overhead|Shared Object|Symbol", "",
            "    10.50%|[kernel.kallsyms]   |[k] finish_task_switch", "     2.25%|libclrjit.so|[.] 0x0000000000224b38",
            "     4.00%|perf-29937.map|[.] instance void [Npgsql] Npgsql.Internal.NpgsqlConnector::Flush()[Tier1]",
            "     1.00%|[JIT] tid 7|[.] void [Npgsql] Npgsql.Internal.X::<Read>g__Y|2_0(int32[])[OptimizedTier1]",
            "     3.00%|System.Private.CoreLib.dll|[.] 0x00000000003cab31", "     0.75%|libcoreclr.so|[.] malloc", "     0.25%|perf-1.map|[.] stub<1> GenericLookup",
        ];

        var shares = Profile.SharesOf(lines);

        Assert.Equal(
            [("JIT compiler", 2.25), ("Npgsql", 5), ("System.Private.CoreLib", 3), ("kernel", 10.5), ("runtime and native libraries", 0.75), ("stubs and code without a name", 0.25)],
            shares.Select(share => (share.Key, share.Value)).OrderBy(share => share.Key, StringComparer.Ordinal));
    }

    private static Dictionary<string, List<Turn>> Turns(params (string Contender, double[] PerSecond)[] contenders) => contenders.ToDictionary(
        contender => contender.Contender,
        contender => contender.PerSecond.Select(perSecond => new Turn
        {
            Requests = (long)perSecond,
            Answered = (long)perSecond,
            Seconds = 1,
            Errors = 0,
            ErrorKinds = new Dictionary<string, long>(),
            Accepted = 0,
            Mean = 1,
            P50 = 1,
            P95 = 1,
            P99 = 1,
            Max = 1,
        }).ToList());
}
