using System.Diagnostics.Metrics;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>Counts reconciled members by what was found; any BROKEN is an alarm.</summary>
internal sealed class ReconciliationMetrics
{
    private readonly Counter<long> _members;

    public ReconciliationMetrics(IMeterFactory meters) =>
        _members = meters.Create("PointSystem.Api").CreateCounter<long>("pointsystem.reconciliation.members", "{member}", "Members reconciled");

    public void Reconciled(string status) => _members.Add(1, new KeyValuePair<string, object?>("status", status));
}
