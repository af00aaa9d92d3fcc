using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>One request as its caller saw it: the command, its times and its answer.</summary>
/// <param name="Step">The command, with the members' numbers in the history. <see cref="Target"/> has the lot or usage that it cancels.</param>
/// <param name="BeganAt">The timestamp before it was sent.</param>
/// <param name="EndedAt">The timestamp after the answer arrived.</param>
internal sealed record Operation(Step Step, long BeganAt, long EndedAt)
{
    /// <summary>The key of the lot or usage that is cancelled.</summary>
    public string? Target { get; init; }

    /// <summary>Requests with the same key count as one: only the first has an effect, and all get its answer.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>The code of the refusal, or null if the command was accepted.</summary>
    public string? Refusal { get; init; }

    /// <summary>The key of the new lot, usage, cancellation or transfer; for a cancelled lot, its own key.</summary>
    public string? PointKey { get; init; }

    /// <summary>If accepted: the lots from which points were drawn or transferred, or to which they were restored, in order.</summary>
    public IReadOnlyList<Part> Parts { get; init; } = [];

    /// <summary>For an accepted transfer: the receiver's lots, one for each part.</summary>
    public IReadOnlyList<string> NewLots { get; init; } = [];

    /// <summary>For an accepted cancellation: the cancelled amount of the usage so far. For an accepted accumulation: the available amount.</summary>
    public long After { get; init; }

    /// <summary>The answer as it was sent, with which replays are compared.</summary>
    public string Answer { get; init; } = "";

    /// <summary>The names of its entry groups in the ledgers of its members.</summary>
    public IEnumerable<(int Member, string Name)> Entries => Step.Kind switch
    {
        StepKind.Accumulate => [(Step.Member, $"ACCUMULATE {PointKey}")],
        StepKind.CancelLot => [(Step.Member, $"ACCUMULATE_CANCEL {PointKey}")],
        StepKind.Use => [(Step.Member, $"USE {PointKey}")],
        StepKind.CancelUsage => [(Step.Member, $"USE_CANCEL {PointKey}")],
        _ => [(Step.Member, $"TRANSFER_OUT {PointKey}"), (Step.Other, $"TRANSFER_IN {PointKey}")],
    };

    public override string ToString() =>
        $"{Step.Kind} by {Step.Member}{(Step.Kind == StepKind.Transfer ? $" to {Step.Other}" : "")} of {Step.Amount} {Target} -> {Refusal ?? PointKey}";
}

/// <summary>Points of one lot.</summary>
internal readonly record struct Part(string Lot, long Amount);

/// <summary>All entries of one command in a member's ledger.</summary>
/// <param name="Name">Kind and point key, as in <see cref="Operation.Entries"/>.</param>
/// <param name="BalanceAfter">The balance after the last entry.</param>
internal sealed record LedgerGroup(string Name, long BalanceAfter);

/// <summary>The operations that callers saw, and the ledgers.</summary>
/// <param name="Operations">The operations, in any order.</param>
/// <param name="Ledgers">The groups of each member, in the order of the ledger.</param>
internal sealed record History(IReadOnlyList<Operation> Operations, IReadOnlyDictionary<int, IReadOnlyList<LedgerGroup>> Ledgers);
