using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>One request as its caller saw it: what was asked, when, and what came back.</summary>
/// <param name="Step">What was asked, with members as they are numbered in the history; the lot or usage that it names stands in <see cref="Target"/>.</param>
/// <param name="BeganAt">Before it was sent, on the clock of the whole test.</param>
/// <param name="EndedAt">After the answer had come.</param>
internal sealed record Operation(Step Step, long BeganAt, long EndedAt)
{
    /// <summary>Key of the lot or usage that is cancelled.</summary>
    public string? Target { get; init; }

    /// <summary>Requests with the same key are one: the first has the effect, all have its answer.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Code of the refusal; null when it was accepted.</summary>
    public string? Refusal { get; init; }

    /// <summary>What was made: the lot, usage, cancellation or transfer. For a cancelled lot, that lot.</summary>
    public string? PointKey { get; init; }

    /// <summary>Accepted: from which lots points were drawn or transferred, or to which they went back, in order.</summary>
    public IReadOnlyList<Part> Parts { get; init; } = [];

    /// <summary>Accepted transfers: the receiver's lots, one for each part.</summary>
    public IReadOnlyList<string> NewLots { get; init; } = [];

    /// <summary>Accepted cancellations: how much of the usage is back by now. Accepted accumulations: what can be drawn of the lot.</summary>
    public long After { get; init; }

    /// <summary>The answer as it was sent, to compare replays by.</summary>
    public string Answer { get; init; } = "";

    /// <summary>Under which name the ledgers of its members have it.</summary>
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
/// <param name="Name">Kind and point key, as <see cref="Operation.Entries"/> says.</param>
/// <param name="BalanceAfter">Balance after the last of them.</param>
internal sealed record LedgerGroup(string Name, long BalanceAfter);

/// <summary>What callers saw, and what the ledgers say.</summary>
/// <param name="Operations">In no order.</param>
/// <param name="Ledgers">For each member, by the sequence of the ledger.</param>
internal sealed record History(IReadOnlyList<Operation> Operations, IReadOnlyDictionary<int, IReadOnlyList<LedgerGroup>> Ledgers);
