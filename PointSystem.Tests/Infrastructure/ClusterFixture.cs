[assembly: AssemblyFixture(typeof(ClusterFixture))]

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// One cluster of three replicas for all tests that do not break it; the first of them starts it. Each test uses its own members.
/// A test that kills, stops or restarts anything starts its own cluster (<see cref="StartOwnAsync"/>).
/// </summary>
public sealed class ClusterFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private LocalCluster? _cluster;

    /// <summary>The shared cluster, once it is ready.</summary>
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

    /// <summary>Starts a cluster for one test in a new data directory. The caller ends it with <see cref="DeleteAsync"/>.</summary>
    public static Task<LocalCluster> StartOwnAsync(Action<LocalClusterOptions> configure, CancellationToken cancellationToken)
    {
        var options = new LocalClusterOptions { DataDirectory = NewDataDirectory(), Log = ClusterLogs.Add };
        // What a killed process has written is in the memory of the operating system: only a power cut needs it on the disk.
        options.PostgresSettings["fsync"] = "off";
        configure(options);
        return LocalCluster.StartAsync(options, cancellationToken);
    }

    /// <summary>A path that does not exist yet. If the tests run as root, the user that runs Postgres can reach it.</summary>
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
