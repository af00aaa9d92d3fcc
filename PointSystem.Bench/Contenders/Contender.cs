using PointSystem.Bench.Host;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Contenders;

/// <summary>A way of serializing writes.</summary>
/// <param name="Name">The name in options, tables and files.</param>
/// <param name="Meaning">One line of explanation for the table.</param>
internal abstract record Contender(string Name, string Meaning)
{
    /// <summary>The contender that all others are compared with.</summary>
    public const string Baseline = "row";

    /// <summary>All contenders.</summary>
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
        new PgbenchRow(),
        new PgbenchSets(),
        new HttpFloor(),
    ];

    /// <exception cref="BenchException">There is no contender of that name.</exception>
    public static Contender Find(string name) =>
        All.FirstOrDefault(contender => contender.Name == name)
        ?? throw new BenchException($"There is no contender '{name}': {string.Join(", ", All.Select(contender => contender.Name))}.");

    /// <summary>Switches the cluster to this contender, before its turn.</summary>
    public abstract Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken);

    /// <summary>Restores the cluster for the next contender.</summary>
    public virtual Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Runs the load for a time, or until the given number of requests has been sent.</summary>
    public virtual Task<Turn> RunAsync(BenchCluster cluster, BenchLoad load, TimeSpan time, long? requests, CancellationToken cancellationToken) =>
        Task.Run(() => load.Http.Run(time, requests), cancellationToken);

    /// <summary>A lock mode of the product.</summary>
    private sealed record Mode(string Name, string Meaning) : Contender(Name, Meaning)
    {
        public override Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken) => cluster.SetModeAsync(Name, cancellationToken);
    }

    /// <summary>Mode <c>distributed</c> while every sidecar is frozen: the breaker is open, batches run under the row lock.</summary>
    /// <remarks>Sidecars that are started again take processor time during the turns of the next contenders: thirty times as much with eight replicas.</remarks>
    private sealed record Fallback() : Contender("fallback", "distributed with the sidecars frozen: queue per key, no Dapr lock")
    {
        private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

        public override async Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken)
        {
            await cluster.SetModeAsync("distributed", cancellationToken);
            foreach (var replica in cluster.Local.Replicas)
            {
                replica.Sidecar.Suspend();
            }
        }

        public override Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken)
        {
            foreach (var replica in cluster.Local.Replicas)
            {
                replica.Sidecar.Resume();
            }

            return cluster.WaitForBreakersAsync("closed", Limit, cancellationToken);
        }
    }

    /// <summary>Mode <c>row</c> with something else around its transaction, or instead of it.</summary>
    private record Guarded(string Name, string Meaning) : Contender(Name, Meaning)
    {
        public override async Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken)
        {
            await cluster.SetModeAsync(Baseline, cancellationToken);
            await cluster.SetGuardAsync(Name, cancellationToken);
        }

        public override Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken) => cluster.SetGuardAsync(Guards.None, cancellationToken);
    }

    /// <summary>Nothing is written, so nothing counts as accepted when the ledger is checked.</summary>
    private sealed record HttpFloor() : Guarded(Guards.HttpFloor, "no database: the same host parses the request and writes the same answer")
    {
        public override async Task<Turn> RunAsync(
            BenchCluster cluster, BenchLoad load, TimeSpan time, long? requests, CancellationToken cancellationToken) =>
            await base.RunAsync(cluster, load, time, requests, cancellationToken) with { Accepted = 0 };
    }
}
