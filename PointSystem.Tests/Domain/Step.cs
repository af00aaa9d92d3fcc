using CsCheck;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

internal enum StepKind
{
    Accumulate,
    CancelLot,
    Use,
    CancelUsage,
    Transfer,
    PostLapses,
    Wait,
    Configure,
}

/// <summary>One step of a random sequence; each kind uses the fields it needs. The numbers are small, so that limits are reached often.</summary>
internal sealed record Step(StepKind Kind, int Member, int Other, int Amount, int Days, bool Flag, int Pick)
{
    public const int Members = 3;

    public static readonly PointPolicy FirstPolicy = new()
    {
        MaxAccumulationAmountPerTime = 15,
        MaxBalancePerMember = 30,
        MinExpirationDays = 1,
        DefaultExpirationDays = 3,
        MaxExpirationDays = 8,
    };

    /// <summary>The steps that change a member's points.</summary>
    public static readonly Gen<Step> Command = Of(
        (9, StepKind.Accumulate), (2, StepKind.CancelLot), (5, StepKind.Use), (5, StepKind.CancelUsage), (3, StepKind.Transfer), (1, StepKind.PostLapses));

    public static readonly Gen<Step> Any = Gen.Frequency((11, Command), (3, Of((1, StepKind.Wait))), (1, Of((1, StepKind.Configure))));

    /// <summary>The limits that a Configure step sets; the caps may fall below a member's balance.</summary>
    public PointPolicy Policy => FirstPolicy with
    {
        MaxAccumulationAmountPerTime = 5 + Amount,
        MaxBalancePerMember = 8 + (2 * Amount),
        DefaultExpirationDays = Math.Clamp(Days, FirstPolicy.MinExpirationDays, FirstPolicy.MaxExpirationDays),
    };

    /// <summary>The usage or lot that a step cancels: one of the member's, or an unknown key if there is none.</summary>
    public PointKey TargetIn(MemoryTables tables)
    {
        PointKey[] keys = Kind switch
        {
            StepKind.CancelLot => [.. tables.LotsOf(Member).Select(lot => lot.Key)],
            StepKind.CancelUsage => [.. tables.UsagesOf(Member).Select(usage => usage.Key)],
            _ => [],
        };
        return keys.Length == 0 ? default : keys[Pick % keys.Length];
    }

    /// <summary>The number of points that the step draws from its member.</summary>
    public long Drawn => Kind is StepKind.Use or StepKind.Transfer ? Amount : 0;

    public IEnumerable<long> MembersOf() => Kind == StepKind.Transfer && Other != Member ? [Member, Other] : [Member];

    /// <summary>Applies a command. Returns the code of its refusal, or null if it was accepted.</summary>
    public string? Apply(Func<long, MemberAccount> accounts, PointKey target, CommandContext context)
    {
        var account = accounts(Member);
        return Kind switch
        {
            StepKind.Accumulate => Code(account.Accumulate(Amount, Days == 0 ? null : Days - 1, Flag, null, context)),
            StepKind.CancelLot => Code(account.CancelAccumulation(target, null, context)),
            StepKind.Use => Code(account.Use("A1234", Amount, context)),
            StepKind.CancelUsage => Code(account.CancelUsage(target, Flag ? null : Amount, null, context)),
            StepKind.Transfer => Code(account.TransferTo(accounts(Other), Amount, null, context)),
            StepKind.PostLapses => account.PostExpirations(PointsHarness.Actor) ? null : null,
            _ => throw new InvalidOperationException($"{Kind} is not a command."),
        };
    }

    private static string? Code<T>(Result<T> result)
        where T : class => result.Error?.Code;

    private static Gen<Step> Of(params (int Weight, StepKind Kind)[] kinds) => Gen.Select(
        Gen.Frequency(Array.ConvertAll(kinds, kind => (kind.Weight, (IGen<StepKind>)Gen.Const(kind.Kind)))),
        Gen.Int[1, Members],
        Gen.Int[1, Members],
        Gen.Int[0, 17],
        Gen.Int[0, 10],
        Gen.Frequency((1, Gen.Const(true)), (2, Gen.Const(false))),
        Gen.Int[0, 20],
        (kind, member, other, amount, days, flag, pick) => new Step(kind, member, other, amount, days, flag, pick));
}
