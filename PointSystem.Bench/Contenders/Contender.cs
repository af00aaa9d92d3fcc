using PointSystem.Bench.Servers;

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
    ];

    /// <exception cref="BenchException">There is none of that name.</exception>
    public static Contender Find(string name) =>
        All.FirstOrDefault(contender => contender.Name == name)
        ?? throw new BenchException($"There is no contender '{name}': {string.Join(", ", All.Select(contender => contender.Name))}.");

    /// <summary>Puts the cluster in this way of working, before its turn.</summary>
    public abstract Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken);

    /// <summary>Leaves the cluster as any other contender may want it.</summary>
    public virtual Task LeaveAsync(BenchCluster cluster, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>A lock mode of the product.</summary>
    private sealed record Mode(string Name, string Meaning) : Contender(Name, Meaning)
    {
        public override Task EnterAsync(BenchCluster cluster, CancellationToken cancellationToken) => cluster.SetModeAsync(Name, cancellationToken);
    }
}
