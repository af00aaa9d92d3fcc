using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

public sealed partial class MemberAccount
{
    /// <summary>Grants points (docs/rules.md, "Accumulate").</summary>
    /// <param name="amount">Points, 1 … MAX_ACCUMULATION_AMOUNT_PER_TIME.</param>
    /// <param name="expirationDays">Days until the last usable date, MIN … MAX; null for the default.</param>
    /// <param name="isManualGrant">Granted by an operator. The caller must check whether the actor may do that.</param>
    /// <param name="reason">Optional reason.</param>
    /// <param name="context">Policy, actor, keys.</param>
    public Result<Lot> Accumulate(long amount, int? expirationDays, bool isManualGrant, string? reason, CommandContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var policy = context.Policy;
        if (amount < 1)
        {
            return PointErrors.InvalidAmount(amount);
        }

        if (amount > policy.MaxAccumulationAmountPerTime)
        {
            return PointErrors.ExceededMaxAccumulation(amount, policy.MaxAccumulationAmountPerTime);
        }

        var days = expirationDays ?? policy.DefaultExpirationDays;
        if (days < policy.MinExpirationDays || days > policy.MaxExpirationDays)
        {
            return PointErrors.InvalidExpirationDate(days, policy.MinExpirationDays, policy.MaxExpirationDays);
        }

        if (ExceedsBalanceCap(amount, policy))
        {
            return PointErrors.ExceededMaxBalance(LiveBalance, amount, policy.MaxBalancePerMember);
        }

        PostExpirations(context.Actor);
        var lot = Grant(context.NewKey(PointKeyType.Accumulation, MemberId), amount, At.Today.AddDays(days), isManualGrant, source: null);
        Append(Version + 1, PointKind.Accumulate, lot.Key, lot, amount, context.Actor, reason);
        return lot;
    }

    /// <summary>Cancels a whole unused lot (docs/rules.md, "Cancel an accumulation").</summary>
    public Result<Lot> CancelAccumulation(PointKey key, string? reason, CommandContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (FindLot(key) is not { } lot)
        {
            return PointErrors.AccumulationNotFound(key.Value);
        }

        switch (lot.StatusOn(At.Today))
        {
            case LotStatus.Cancelled:
                return PointErrors.AccumulationAlreadyCancelled(key.Value);
            case LotStatus.Expired:
                return PointErrors.CannotCancelExpired(key.Value, lot.ExpirationDate);
            default:
                break;
        }

        if (lot.Available != lot.Amount)
        {
            return PointErrors.CannotCancelUsed(key.Value, lot.Amount - lot.Available, lot.Amount);
        }

        PostExpirations(context.Actor);
        _drawable.Remove(lot);
        _drawableAmount -= lot.Available;
        lot.Cancelled = lot.Amount;
        lot.Available = 0;
        lot.UpdatedAt = Touch(lot);
        Append(Version + 1, PointKind.AccumulateCancel, lot.Key, lot, -lot.Amount, context.Actor, reason);
        return lot;
    }

    // A subtraction, because the sum could overflow.
    private bool ExceedsBalanceCap(long amount, PointPolicy policy) => amount > policy.MaxBalancePerMember - LiveBalance;
}
