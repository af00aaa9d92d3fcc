using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Local;

/// <summary>A running app host with two replicas, for the tests that leave it running.</summary>
public sealed class RunnerFixture : IAsyncLifetime
{
    internal RunnerProcess Runner { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Runner = await RunnerProcess.StartReadyAsync(ClusterFixture.NewDataDirectory(), ["--replicas", "2"], CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Runner.SignalAsync("TERM");
        await Runner.WaitForExitAsync(CancellationToken.None);
        await Runner.DisposeAsync();
        Directory.Delete(Runner.DataDirectory, recursive: true);
    }
}
