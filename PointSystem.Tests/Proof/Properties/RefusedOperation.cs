using PointSystem.Domain.Results;
using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>A period in which a state can have existed.</summary>
internal readonly record struct Window(long From, long To);

/// <summary>A refused operation: the conditions that justify the refusal, and the periods in which they can have held.</summary>
internal sealed class RefusedOperation
{
    private readonly List<Window>[] _found;

    public RefusedOperation(Operation operation)
    {
        Operation = operation;
        Conditions = Reasons(operation);
        _found = [.. Conditions.Select(_ => new List<Window>())];
    }

    public Operation Operation { get; }

    public IReadOnlyList<(int Member, Func<SequentialModel, bool> Holds)> Conditions { get; }

    /// <summary>Whether all conditions can have held at the same moment of the operation.</summary>
    public bool IsExplained => Conditions.Count > 0
        && _found.Aggregate(
            new List<Window> { new(Operation.BeganAt, Operation.EndedAt) },
            (common, own) => [.. common.SelectMany(_ => own, Intersect).Where(window => window.From <= window.To)]).Count > 0;

    /// <summary>Evaluates the conditions in a state that the member can have had during the operation.</summary>
    public void Evaluate(int member, SequentialModel model, Window window)
    {
        for (var i = 0; i < Conditions.Count; i++)
        {
            if (Conditions[i].Member == member && Conditions[i].Holds(model))
            {
                _found[i].Add(window);
            }
        }
    }

    private static Window Intersect(Window a, Window b) => new(Math.Max(a.From, b.From), Math.Min(a.To, b.To));

    private static IReadOnlyList<(int, Func<SequentialModel, bool>)> Reasons(Operation operation)
    {
        var (step, target) = (operation.Step, operation.Target);
        bool ExceedsCap(SequentialModel model, int member) => model.Live(member) + step.Amount > model.Policy.MaxBalancePerMember;
        return (step.Kind, operation.Refusal) switch
        {
            (StepKind.Accumulate, PointErrorCodes.ExceededMaxAccumulation) => [(step.Member, model => step.Amount > model.Policy.MaxAccumulationAmountPerTime)],
            (StepKind.Accumulate, PointErrorCodes.ExceededMaxBalance) =>
                [(step.Member, model => step.Amount <= model.Policy.MaxAccumulationAmountPerTime && ExceedsCap(model, step.Member))],
            (StepKind.Use, PointErrorCodes.InsufficientPoint) => [(step.Member, model => model.Live(step.Member) < step.Amount)],
            (StepKind.Transfer, PointErrorCodes.InsufficientPoint) => [(step.Member, model => model.Live(step.Member) < step.Amount)],
            (StepKind.Transfer, PointErrorCodes.ExceededMaxBalance) =>
                [(step.Member, model => model.Live(step.Member) >= step.Amount), (step.Other, model => ExceedsCap(model, step.Other))],
            (StepKind.Transfer, PointErrorCodes.InvalidRequest) => [(step.Member, _ => step.Member == step.Other)],
            (StepKind.CancelUsage, PointErrorCodes.AlreadyCancelled) => [(step.Member, model => model.LeftOf(target!) == 0)],
            (StepKind.CancelUsage, PointErrorCodes.ExceededCancelAmount) =>
                [(step.Member, model => !step.Flag && model.LeftOf(target!) is > 0 and var left && left < step.Amount)],
            (StepKind.CancelLot, PointErrorCodes.AlreadyCancelled) => [(step.Member, model => model.IsCancelled(target!))],
            (StepKind.CancelLot, PointErrorCodes.CannotCancelAccumulation) => [(step.Member, model => model.IsInUse(target!))],
            _ => [],
        };
    }
}
