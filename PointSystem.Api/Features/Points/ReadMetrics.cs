using System.Diagnostics.Metrics;

namespace PointSystem.Api.Features.Points;

/// <summary>Where reads are answered from.</summary>
internal sealed class ReadMetrics : IHostedService
{
    public const string Primary = "primary";
    public const string Standby = "standby";
    public const string Cache = "cache";

    private readonly Counter<long> _reads;

    public ReadMetrics(IMeterFactory meters) =>
        _reads = meters.Create("PointSystem.Api").CreateCounter<long>("pointsystem.reads", "{read}", "Reads of members, orders, the audit and the ledger's export, by the server that answered them");

    public void AnsweredBy(string source) => Count(1, source);

    /// <summary>Reports every source with 0: Prometheus sees no increase in a counter that appears with its first event.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Count(0, Primary);
        Count(0, Standby);
        Count(0, Cache);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Count(long reads, string source) => _reads.Add(reads, new KeyValuePair<string, object?>("source", source));
}
