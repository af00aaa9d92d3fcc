[assembly: AssemblyFixture(typeof(ClusterFixture))]

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// One cluster of three replicas for all tests that do not break it, started by the first that asks. Tests keep apart by using members of
/// their own. A test that kills, stops or restarts anything starts a cluster of its own (<see cref="StartOwnAsync"/>).
/// </summary>
public sealed class ClusterFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private LocalCluster? _cluster;

    /// <summary>The shared cluster, ready.</summary>
    public async Task<LocalCluster> GetAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return _cluster ??= await StartOwnAsync(_ => { }, cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>A cluster for one test, on a new data directory, which is the caller's to dispose.</summary>
    public static Task<LocalCluster> StartOwnAsync(Action<LocalClusterOptions> configure, CancellationToken cancellationToken)
    {
        var options = new LocalClusterOptions { DataDirectory = NewDataDirectory(), Log = ClusterLogs.Add };
        configure(options);
        return LocalCluster.StartAsync(options, cancellationToken);
    }

    /// <summary>Empty, and reachable for the user that Postgres runs as where the tests run as root.</summary>
    public static string NewDataDirectory() => Path.Combine(Path.GetTempPath(), $"points-test-{Guid.NewGuid():n}");

    /// <summary>Ends a cluster and deletes its data.</summary>
    public static async Task DeleteAsync(LocalCluster cluster)
    {
        await cluster.DisposeAsync();
        Directory.Delete(cluster.DataDirectory, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await DeleteAsync(_cluster);
        }
        _gate.Dispose();
    }
}
