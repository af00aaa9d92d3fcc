using PointSystem.Local.Processes;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Local;

/// <summary>How the app host ends: nothing stays behind, and the data does.</summary>
public sealed class RunnerEndTests : IDisposable
{
    private const string Mark = "pg_points_test_mark";
    private readonly string _data = ClusterFixture.NewDataDirectory();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string MarkFile => Path.Combine(_data, "postgres", Mark);

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    [Fact]
    public async Task Sigterm_AReplicaHangs_EverythingEndsWithinTenSeconds()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the replica's process through /proc.");
        await using var runner = await RunnerProcess.StartReadyAsync(_data, ["--replicas", "2"], Ct);
        var children = await runner.DescendantsAsync();
        Assert.True(children.Count >= 7, "Postgres, Redis, reaper, two sidecars, two replicas");
        (await runner.ReplicaAsync("api-2")).Signal(Native.SigStop);

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        await runner.SignalAsync("TERM");
        await runner.WaitForExitAsync(limit.Token);

        Assert.Equal(0, runner.ExitCode);
        Assert.DoesNotContain(children, child => child.IsAlive());
    }

    [Fact]
    public async Task Kill_RunnerAlone_LeavesNoOrphanAndTheNextRunHasTheData()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Uses Unix signals.");
        await using (var first = await RunnerProcess.StartReadyAsync(_data, ["--replicas", "1"], Ct))
        {
            var children = await first.DescendantsAsync();
            Assert.True(children.Count >= 5, "Postgres, Redis, reaper, sidecar, replica");
            await File.WriteAllTextAsync(MarkFile, "", Ct);

            await first.KillAloneAsync(Ct);

            await Eventually.TrueAsync(
                () => Task.FromResult(!children.Any(child => child.IsAlive())),
                () => "Left: " + string.Join(", ", children.Where(child => child.IsAlive())), Ct);
        }

        await using var second = await RunnerProcess.StartReadyAsync(_data, ["--replicas", "1"], Ct);
        Assert.DoesNotContain("Making a new database", second.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(MarkFile));
        await second.SignalAsync("TERM");
        await second.WaitForExitAsync(Ct);
    }

    [Fact]
    public async Task Run_DataIsCorrupt_SaysSoAndFreshStartsAnew()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Uses Unix signals.");
        Directory.CreateDirectory(Path.Combine(_data, "postgres", "global"));
        await File.WriteAllTextAsync(Path.Combine(_data, ".pointsystem"), "", Ct);
        await File.WriteAllTextAsync(Path.Combine(_data, "postgres", "PG_VERSION"), "what?", Ct);
        await using (var broken = RunnerProcess.Start(_data))
        {
            await broken.WaitForExitAsync(Ct);
            Assert.Equal(1, broken.ExitCode);
            await Eventually.TrueAsync(() => Task.FromResult(broken.Output.Contains("--fresh", StringComparison.Ordinal)), () => broken.Output, Ct);
        }

        await using var fresh = await RunnerProcess.StartReadyAsync(_data, ["--replicas", "1", "--fresh"], Ct);
        Assert.Contains("Making a new database", fresh.Output, StringComparison.Ordinal);
        await fresh.SignalAsync("TERM");
        await fresh.WaitForExitAsync(Ct);
    }
}
