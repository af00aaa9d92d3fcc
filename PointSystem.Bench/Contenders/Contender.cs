using PointSystem.Bench.Host;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Contenders;

/// <summary>A way of putting writes in order.</summary>
/// <param name="Name">As in options, tables and files.</param>
/// <param name="Meaning">One line for the reader of a table.</param>
internal abstract record Contender(string Name, string Meaning)
{
    /// <summary>Everything is compared with this one.</summary>
    public const string Baseline = "row";

    /// <summary>Every contender there is.</summary>
    public static IReadOnlyList<Contender> All { get; } =
    [
        new Mode(Baseline, "one transaction for each request, under the wallet's row lock"),
        new Mode("distributed", "queue per key, Dapr lock, combined transactions"),
        new Mode("adaptive", "the same, cold keys without the Dapr lock"),
        new Fallback(),
        new Guarded(Guards.EveryLot, "as the original system did it: every available lot of the member read and locked"),
        new Guarded(Guards.MedallionRedis, "that library's lock, then the transaction of row"),
        new Guarded(Guards.MedallionPostgres, "that library's advisory lock, then the transaction of row"),
        new Guarded(Guards.RedLock, "that library's lock, then the transaction of row"),
        new PgbenchContender(),
    ];

    /// <exception cref="BenchException">There is none of that name.</exception>
    public static Contender Find(string name) =>
        All.FirstOrDefault(contender => contender.Name == name)
        ?? throw new BenchException($"There is no contender '{name}': {string.Join(", ", All.Select(contender => contender.Name))}.");

    /// <summary>Puts the cluster in this way of working, before its turn.</summary>
    public abstract Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken);

    /// <summary>Leaves the cluster as any other contender may want it.</summary>
    public virtual Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Whether it has started processes anew, whose code has yet to be compiled for speed: whoever comes next should not pay for that.</summary>
    public virtual bool LeavesColdProcesses => false;

    /// <summary>Runs the load for a time, or until that many requests have been sent.</summary>
    public virtual Task<Turn> RunAsync(BenchCluster cluster, BenchLoad load, TimeSpan time, long? requests, CancellationToken cancellationToken) =>
        Task.Run(() => load.Http.Run(time, requests), cancellationToken);

    /// <summary>A lock mode of the product.</summary>
    private sealed record Mode(string Name, string Meaning) : Contender(Name, Meaning)
    {
        public override Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken) => cluster.SetModeAsync(Name, cancellationToken);
    }

    /// <summary>Mode <c>distributed</c> while every sidecar is away: the breaker is open, batches go on under the row lock.</summary>
    private sealed record Fallback() : Contender("fallback", "distributed with the sidecars stopped: queue per key, no Dapr lock")
    {
        private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);
        private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

        public override bool LeavesColdProcesses => true;

        public override async Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken)
        {
            await cluster.SetModeAsync("distributed", cancellationToken);
            await Task.WhenAll(cluster.Local.Replicas.Select(replica => replica.Sidecar.StopAsync(Grace, cancellationToken)));
        }

        public override async Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken)
        {
            foreach (var replica in cluster.Local.Replicas)
            {
                replica.Sidecar.Start();
            }

            await Task.WhenAll(cluster.Local.Replicas.Select(replica => replica.Sidecar.WaitUntilReadyAsync(Limit, cancellationToken)));
            await cluster.WaitForBreakersAsync("closed", Limit, cancellationToken);
        }
    }

    /// <summary>Mode <c>row</c> with something else around, or in the place of, its transaction.</summary>
    private sealed record Guarded(string Name, string Meaning) : Contender(Name, Meaning)
    {
        public override async Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken)
        {
            await cluster.SetModeAsync(Baseline, cancellationToken);
            await cluster.SetGuardAsync(Name, cancellationToken);
        }

        public override Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken) => cluster.SetGuardAsync(Guards.None, cancellationToken);
    }
}
