using System.Diagnostics.Metrics;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>Counts reconciled members by status; the alert rules fire on any BROKEN.</summary>
internal sealed class ReconciliationMetrics : IHostedService
{
    private readonly Counter<long> _members;

    public ReconciliationMetrics(IMeterFactory meters) =>
        _members = meters.Create("PointSystem.Api").CreateCounter<long>("pointsystem.reconciliation.members", "{member}", "Members reconciled");

    public void Reconciled(string status) => Count(1, status);

    /// <summary>
    /// Reports every status with 0: Prometheus sees no increase in a counter that appears with its first event, so no alert would fire.
    /// </summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Count(0, MemberReport.Matched);
        Count(0, MemberReport.Corrected);
        Count(0, MemberReport.Broken);
        Count(0, MemberReport.Failed);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Count(long members, string status) => _members.Add(members, new KeyValuePair<string, object?>("status", status));
}
