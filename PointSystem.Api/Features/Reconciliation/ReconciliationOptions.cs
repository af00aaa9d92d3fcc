using System.ComponentModel.DataAnnotations;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>How all members are reconciled; section <c>Reconciliation</c>.</summary>
internal sealed class ReconciliationOptions
{
    public const string SectionName = "Reconciliation";

    /// <summary>Members looked at together, after which progress is kept, 1 … 10,000; default 500. A runner without progress for 30 s may be taken for dead.</summary>
    [Range(1, 10_000)]
    public int ChunkSize { get; set; } = 500;
}
