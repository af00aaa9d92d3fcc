using System.Globalization;
using System.Net;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Local;

/// <summary>What the running app host shows and endures.</summary>
public sealed class RunnerTests(RunnerFixture fixture) : IClassFixture<RunnerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_Ready_PrintsWhereEverythingIsAndServes()
    {
        var output = fixture.Runner.Output;
        using var client = new HttpClient { BaseAddress = fixture.Runner.Gateway };

        using var response = await client.GetAsync("/health/ready", Ct);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.StartsWith("api-", Assert.Single(response.Headers.GetValues("X-Replica")), StringComparison.Ordinal);
        Assert.All(
            ["PointSystem is ready", "API page", "/scalar", "admin token  ey", "api-1 ", "api-2 ", "sidecar http", "kill -USR1", fixture.Runner.DataDirectory, "memory "],
            part => Assert.Contains(part, output, StringComparison.Ordinal));
        Assert.True(File.Exists(Path.Combine(fixture.Runner.DataDirectory, "logs", "postgres.log")));
    }

    [Fact]
    public async Task Run_SecondOnTheSameData_IsRefusedWithOneSentence()
    {
        await using var second = RunnerProcess.Start(fixture.Runner.DataDirectory);

        await second.WaitForExitAsync(Ct);

        Assert.Equal(1, second.ExitCode);
        await Eventually.TrueAsync(
            () => Task.FromResult(second.Output.Contains($"process {fixture.Runner.Id}", StringComparison.Ordinal)), () => second.Output, Ct);
    }

    [Fact]
    public async Task Run_PortIsTaken_IsRefusedWithOneSentence()
    {
        var data = ClusterFixture.NewDataDirectory();
        await using var second = RunnerProcess.Start(data, "--port", fixture.Runner.Gateway.Port.ToString(CultureInfo.InvariantCulture));

        await second.WaitForExitAsync(Ct);

        Assert.Equal(1, second.ExitCode);
        await Eventually.TrueAsync(
            () => Task.FromResult(second.Output.Contains("choose another with --port", StringComparison.Ordinal)), () => second.Output, Ct);
        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task Run_ReplicaKilled_StartsItAgainAndServesMeanwhile()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the replica's process through /proc.");
        using var client = new HttpClient { BaseAddress = fixture.Runner.Gateway };
        var before = await fixture.Runner.ReplicaAsync("api-1");

        before.Kill();
        Assert.True(await before.WaitForEndAsync(TimeSpan.FromSeconds(10), Ct));

        for (var i = 0; i < 20; i++)
        {
            using var response = await client.GetAsync("/health/live", Ct);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
        await Eventually.TrueAsync(() => IsServedByAsync(client, "api-1"), () => fixture.Runner.Output, Ct);
        Assert.NotEqual(before, await fixture.Runner.ReplicaAsync("api-1"));
        Assert.Contains("api-1 (process", fixture.Runner.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Sigusr1_RestartsEveryReplica()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the replicas' processes through /proc.");
        var before = new[] { await fixture.Runner.ReplicaAsync("api-1"), await fixture.Runner.ReplicaAsync("api-2") };

        await fixture.Runner.SignalAsync("USR1");

        await Eventually.HoldsAsync(() => fixture.Runner.Output.Contains("All 2 replicas have been restarted.", StringComparison.Ordinal), fixture.Runner.Output);
        Assert.NotEqual(before, [await fixture.Runner.ReplicaAsync("api-1"), await fixture.Runner.ReplicaAsync("api-2")]);
        Assert.DoesNotContain(before, replica => replica.IsAlive());
    }

    private static async Task<bool> IsServedByAsync(HttpClient client, string replica)
    {
        using var response = await client.GetAsync("/health/live", Ct);
        return response.Headers.TryGetValues("X-Replica", out var names) && names.Contains(replica);
    }
}
