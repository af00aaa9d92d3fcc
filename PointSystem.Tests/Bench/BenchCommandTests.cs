using PointSystem.Bench;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Reports;

namespace PointSystem.Tests.Bench;

public sealed class BenchCommandTests
{
    [Fact]
    public void Parse_EveryOption_IsRead()
    {
        var options = BenchOptions.Parse(
            [
                "hot", "--rounds", "2", "--seconds=1.5", "--callers", "7", "--replicas", "1", "--pool", "5",
                "--contenders", "row, distributed", "--straight", "--full", "--loads", "hot,zipf", "--counts", "3, 8", "--pools", "4",
            ],
            TextWriter.Null);

        Assert.NotNull(options);
        Assert.Equal(("hot", 2, 1.5), (options.Scenario, options.Rounds, options.Seconds));
        Assert.Equal((7, 1, 5), (options.Callers, options.Replicas, options.PoolSize));
        Assert.Equal((true, true, false), (options.Straight, options.Full, options.NoAffinity));
        Assert.Equal(["row", "distributed"], options.Contenders);
        Assert.Equal(["hot", "zipf"], options.Loads);
        Assert.Equal([3, 8], options.Counts);
        Assert.Equal([4], options.Pools);
    }

    [Fact]
    public void Parse_ListsNotGiven_AreTheScenarios()
    {
        var options = BenchOptions.Parse(["cold"], TextWriter.Null);

        Assert.NotNull(options);
        Assert.Equal((null, null, null, null), (options.Contenders, options.Loads, options.Counts, options.Pools));
    }

    [Theory]
    [InlineData("--rounds must be a whole number from 1 to 100.", "hot", "--rounds", "0")]
    [InlineData("--seconds must be a number above 0 and at most 600.", "hot", "--seconds", "x")]
    [InlineData("Required argument missing for option: '--callers'.", "hot", "--callers")]
    [InlineData("--callers must be a whole number from 1 to 2000.", "hot", "--callers", "--full")]
    [InlineData("--counts must be whole numbers from 1 to 16, separated by commas.", "replicas", "--counts", "3,17")]
    [InlineData("--pools must be whole numbers from 1 to 200, separated by commas.", "replicas", "--pools", ",")]
    [InlineData("There is no load 'seed': hot, zipf, uniform.", "replicas", "--loads", "hot,seed")]
    [InlineData("--fast is not an option here: --help lists what there is.", "hot", "--fast")]
    [InlineData("zipf is not an option here: --help lists what there is.", "hot", "zipf")]
    [InlineData("warm is not an option here: --help lists what there is.", "warm")]
    [InlineData("There is no contender 'columns'", "hot", "--contenders", "columns")]
    [InlineData("Required command was not provided.")]
    public async Task RunAsync_WrongCommandLine_SaysWhatIsWrongAndExitsWith2(string message, params string[] arguments)
    {
        using var error = new StringWriter();
        Assert.Equal(2, await BenchCommand.RunAsync(arguments, TextWriter.Null, error, TestContext.Current.CancellationToken));
        Assert.StartsWith(message, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_Help_NamesEveryScenario()
    {
        using var output = new StringWriter();
        Assert.Equal(0, await BenchCommand.RunAsync(["--help"], output, TextWriter.Null, TestContext.Current.CancellationToken));
        string[] scenarios =
        [
            "seed", "hot", "uniform", "zipf", "neighbours", "lots", "scale", "database", "lock", "failover", "replicas", "departure", "cold", "events", "reads",
            "consumers", "profile", "micro", "report", "all",
        ];
        foreach (var scenario in scenarios)
        {
            Assert.Contains($"  {scenario} ", output.ToString(), StringComparison.Ordinal);
        }
    }

    /// <summary>A complete but very small run: servers, every kind of contender, the check of the books, the result files.</summary>
    [Fact]
    public async Task RunAsync_SmallRun_ChecksTheBooksAndWritesItsFiles()
    {
        var directory = Directory.CreateTempSubdirectory("pointsystem-bench-test-").FullName;
        try
        {
            // Without PostgreSQL's programs the other contenders still run.
            string[] contenders =
            [
                "row", "distributed", "DistributedLock.Postgres", "http-floor",
                .. PgbenchContender.FindProgram() is null ? Array.Empty<string>() : ["pgbench-sets"],
            ];
            using var output = new StringWriter();
            using var error = new StringWriter();
            var code = await BenchCommand.RunAsync(
                [
                    "hot", "--rounds", "1", "--requests", "100", "--warm-up", "0.2", "--callers", "8", "--replicas", "1",
                    "--contenders", string.Join(',', contenders), "--output", directory,
                ],
                output, error, TestContext.Current.CancellationToken);

            Assert.True(code == 0, error.ToString() + output);
            Assert.Contains("The ledger is correct", output.ToString(), StringComparison.Ordinal);
            var report = ResultFiles.Deserialize(await File.ReadAllTextAsync(Path.Combine(directory, "hot.json"), TestContext.Current.CancellationToken));
            Assert.Equal(contenders, report.Rows.Select(row => row.Name));
            Assert.All(report.Rows, row => Assert.Equal(0, row.Figures["errors"].Median));
            Assert.Equal(1, report.Rows[0].Figures["ratio"].Median);
            Assert.Equal(contenders.Contains("pgbench-sets"), report.Rows[0].Figures.ContainsKey("limit"));
            Assert.True(File.Exists(Path.Combine(directory, "hot.svg")));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
