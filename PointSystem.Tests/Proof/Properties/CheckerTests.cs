using PointSystem.Domain.Results;
using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>The checker accepts possible histories and rejects impossible ones. The histories are written by hand.</summary>
public sealed class CheckerTests
{
    private const int A = 0;
    private const int B = 1;

    private static readonly Operation Grant10 = Ask(StepKind.Accumulate, A, 10, 0, 10) with { PointKey = "lot", After = 10 };
    private static readonly Operation Use10 = Ask(StepKind.Use, A, 10, 20, 30) with { PointKey = "use", Parts = [new("lot", 10)] };

    [Fact]
    public void FindProblems_OneAfterTheOther_None() => Assert.Empty(Check(
        [
            Grant10, Use10,
            Ask(StepKind.CancelUsage, A, 4, 40, 50) with { Target = "use", PointKey = "back", Parts = [new("lot", 4)], After = 4 },
            Ask(StepKind.Transfer, A, 3, 60, 70, B) with { PointKey = "gift", Parts = [new("lot", 3)], NewLots = ["new"] },
            Ask(StepKind.CancelLot, B, 0, 80, 90) with { Target = "new", PointKey = "new" },
        ],
        [("ACCUMULATE lot", 10), ("USE use", 0), ("USE_CANCEL back", 4), ("TRANSFER_OUT gift", 1)],
        [("TRANSFER_IN gift", 3), ("ACCUMULATE_CANCEL new", 0)]));

    [Fact]
    public void FindProblems_RefusedWhileTheEnablingOperationWasRunning_None() => Assert.Empty(Check(
        [Grant10, Use10, Refuse(Ask(StepKind.Use, A, 10, 5, 15)), Refuse(Ask(StepKind.Use, A, 1, 29, 35))], [("ACCUMULATE lot", 10), ("USE use", 0)]));

    [Fact]
    public void FindProblems_SameKeyTwice_CountsAsOne() => Assert.Empty(Check(
        [Grant10, Use10 with { IdempotencyKey = "k" }, Use10 with { IdempotencyKey = "k", BeganAt = 90, EndedAt = 95 }],
        [("ACCUMULATE lot", 10), ("USE use", 0)]));

    [Fact]
    public void FindProblems_LostUpdate_IsFound()
    {
        var other = Ask(StepKind.Accumulate, A, 5, 0, 10) with { PointKey = "lot2", After = 5 };
        AssertFound("should be 15", Check([Grant10, other], [("ACCUMULATE lot", 10), ("ACCUMULATE lot2", 5)]));
        AssertFound("not in the ledger", Check([Grant10, other], [("ACCUMULATE lot2", 5)]));
    }

    [Fact]
    public void FindProblems_DoubleSpend_IsFound() => AssertFound("should be refused as INSUFFICIENT_POINT", Check(
        [Grant10, Use10, Use10 with { PointKey = "again" }], [("ACCUMULATE lot", 10), ("USE use", 0), ("USE again", 0)]));

    [Fact]
    public void FindProblems_StaleRead_IsFound()
    {
        AssertFound("refused for no reason", Check([Grant10, Refuse(Ask(StepKind.Use, A, 10, 11, 15))], [("ACCUMULATE lot", 10)]));
        AssertFound("refused for no reason", Check([Grant10, Use10, Refuse(Ask(StepKind.Use, A, 10, 11, 15))], [("ACCUMULATE lot", 10), ("USE use", 0)]));
    }

    [Fact]
    public void FindProblems_ReasonsForARefusalNeverHeldTogether_IsFound()
    {
        // The sender has 10 points only until 30. The receiver is at its cap only from 40 on.
        var full = Enumerable.Range(0, 4).Select(i => Ask(StepKind.Accumulate, B, 15, 40, 41) with { PointKey = $"full{i}", After = 15 });
        var tooRich = Ask(StepKind.Transfer, A, 10, 25, 60, B) with { Refusal = PointErrorCodes.ExceededMaxBalance };
        AssertFound("refused for no reason", Check(
            [Grant10, Use10, .. full, tooRich],
            [("ACCUMULATE lot", 10), ("USE use", 0)],
            [.. Enumerable.Range(0, 4).Select(i => ($"ACCUMULATE full{i}", 15L * (i + 1)))]));
    }

    [Fact]
    public void FindProblems_LedgerOrderContradictsTime_IsFound() => AssertFound("began only after it had ended", Check(
        [Grant10, Ask(StepKind.Accumulate, A, 5, 20, 30) with { PointKey = "lot2", After = 5 }], [("ACCUMULATE lot2", 5), ("ACCUMULATE lot", 15)]));

    [Fact]
    public void FindProblems_LedgersContradictEachOther_IsFound() => AssertFound("contradict each other", Check(
        [
            Grant10, Ask(StepKind.Accumulate, B, 10, 0, 10) with { PointKey = "lotB", After = 10 },
            Ask(StepKind.Transfer, A, 1, 20, 30, B) with { PointKey = "x", Parts = [new("lot", 1)], NewLots = ["n1"] },
            Ask(StepKind.Transfer, B, 1, 20, 30, A) with { PointKey = "y", Parts = [new("lotB", 1)], NewLots = ["n2"] },
        ],
        [("ACCUMULATE lot", 10), ("TRANSFER_OUT x", 9), ("TRANSFER_IN y", 10)],
        [("ACCUMULATE lotB", 10), ("TRANSFER_OUT y", 9), ("TRANSFER_IN x", 10)]));

    [Fact]
    public void FindProblems_WrongLot_IsFound() => AssertFound("should come to", Check(
        [Grant10, Ask(StepKind.Accumulate, A, 10, 12, 14) with { PointKey = "lot2", After = 10 }, Use10 with { Parts = [new("lot2", 10)] }],
        [("ACCUMULATE lot", 10), ("ACCUMULATE lot2", 20), ("USE use", 10)]));

    [Fact]
    public void FindProblems_KeyAppliedTwice_IsFound()
    {
        var twice = new[] { Grant10 with { IdempotencyKey = "k" }, Grant10 with { IdempotencyKey = "k", PointKey = "lot2", Answer = "another" } };
        AssertFound("different answers", Check(twice, [("ACCUMULATE lot", 10), ("ACCUMULATE lot2", 20)]));
        AssertFound("answered to no caller", Check([twice[0], twice[0]], [("ACCUMULATE lot", 10), ("ACCUMULATE lot2", 20)]));
    }

    private static Operation Ask(StepKind kind, int member, int amount, long from, long to, int other = 0) =>
        new(new Step(kind, member, other, amount, Days: 0, Flag: false, Pick: 0), from, to);

    private static Operation Refuse(Operation operation) => operation with { Refusal = PointErrorCodes.InsufficientPoint };

    private static IReadOnlyList<string> Check(
        IReadOnlyList<Operation> operations, (string Name, long Balance)[] ledgerOfA, params (string Name, long Balance)[] ledgerOfB) => Checker.FindProblems(
        new History(operations, new Dictionary<int, IReadOnlyList<LedgerGroup>> { [A] = Groups(ledgerOfA), [B] = Groups(ledgerOfB) }), Load.Policy);

    private static List<LedgerGroup> Groups((string Name, long Balance)[] ledger) => [.. ledger.Select(group => new LedgerGroup(group.Name, group.Balance))];

    private static void AssertFound(string text, IReadOnlyList<string> problems) =>
        Assert.Contains(problems, problem => problem.Contains(text, StringComparison.Ordinal));
}
