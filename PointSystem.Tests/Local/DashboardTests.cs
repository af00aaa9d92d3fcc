using System.Net;
using PointSystem.Local.Dashboard;
using PointSystem.Local.Npm;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Local;

/// <summary>The runner with <c>--dashboard</c>: Aspire's real one, or a run without it that says why.</summary>
public sealed class DashboardTests : IDisposable
{
    private readonly string _data = ClusterFixture.NewDataDirectory();
    private readonly DirectoryInfo _other = Directory.CreateTempSubdirectory("points-dashboard-");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
        _other.Delete(recursive: true);
    }

    [Fact]
    public async Task Run_Dashboard_ServesAndKnowsEveryPartAndEndsWithTheRun()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Looks for what is left behind through ps.");
        Assert.SkipWhen(
            Programs.Find("npm") is null && await AspireCli.FindInstalledAsync(Ct) is null, "There is neither the Aspire CLI nor npm to fetch it with.");
        await using var runner = await RunnerProcess.StartReadyAsync(_data, ["--replicas", "1", "--dashboard"], Ct);
        Assert.SkipWhen(runner.Output.Contains("npm could not fetch", StringComparison.Ordinal), "npm cannot reach its registry.");
        var dashboard = new Uri(Assert.Single(runner.Output.Split('\n'), line => line.StartsWith("  dashboard ", StringComparison.Ordinal)).Split(' ')[^1]);
        using var client = new PointsClient(runner.Gateway);
        (await client.AccumulateAsync(PointsClient.NewMember(), 100)).Expect(HttpStatusCode.Created);
        var children = await runner.DescendantsAsync();
        using var http = new HttpClient { BaseAddress = dashboard };

        await Eventually.HoldsAsync(
            async () =>
            {
                var resources = await http.GetStringAsync("/api/telemetry/resources", Ct);
                return ((string[])["point-gateway", "point-api", "point-sidecar"]).All(name => resources.Contains($"\"{name}\"", StringComparison.Ordinal));
            },
            "The dashboard has heard of every part.");
        await runner.SignalAsync("TERM");
        await runner.WaitForExitAsync(Ct);

        Assert.Equal(0, runner.ExitCode);
        Assert.DoesNotContain(children, child => child.IsAlive());
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync("/health", Ct));
    }

    [Fact]
    public async Task Run_DashboardCannotBeHad_GoesOnWithoutItAndSaysWhy()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The npm of this test is a shell script.");
        Assert.SkipWhen(await AspireCli.FindInstalledAsync(Ct) is not null, "The Aspire CLI is installed here.");
        var npm = Path.Combine(_other.FullName, "npm");
        await File.WriteAllTextAsync(npm, "#!/bin/sh\necho 'network is unreachable'\nexit 1\n", Ct);
        NpmPackage.MakeExecutable(_other.FullName);
        var environment = new Dictionary<string, string?>
        {
            ["PATH"] = $"{_other.FullName}:{Environment.GetEnvironmentVariable("PATH")}",
            ["POINTSYSTEM_CACHE"] = Path.Combine(_other.FullName, "cache"),
        };

        await using var runner = RunnerProcess.Start(_data, environment, "--replicas", "1", "--dashboard");
        await runner.WaitUntilReadyAsync(Ct);

        Assert.Contains("The run goes on without the dashboard. npm could not fetch @microsoft/aspire-cli-", runner.Output, StringComparison.Ordinal);
        Assert.Contains("network is unreachable", runner.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("  dashboard ", runner.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(environment["POINTSYSTEM_CACHE"]!));
        await runner.SignalAsync("TERM");
        await runner.WaitForExitAsync(Ct);
    }
}
