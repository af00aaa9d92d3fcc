using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

public sealed partial class MemberAccount
{
    /// <summary>Transfers points to another member, all or nothing (docs/rules.md, "Transfer").</summary>
    /// <param name="receiver">The receiving member's account, loaded in the same transaction.</param>
    /// <param name="amount">Points, at least 1; the per-time maximum does not apply.</param>
    /// <param name="reason">Optional reason.</param>
    /// <param name="context">Policy (the receiver's balance cap), actor, keys.</param>
    /// <exception cref="ArgumentException">The accounts were loaded for different days.</exception>
    public Result<Transfer> TransferTo(MemberAccount receiver, long amount, string? reason, CommandContext context)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        ArgumentNullException.ThrowIfNull(context);
        if (receiver.At.Today != At.Today)
        {
            // Points on their last day here would arrive as expired. One transaction has one "today".
            throw new ArgumentException(
                $"Both accounts must be loaded for the same day, but were loaded for {At.Today:O} and {receiver.At.Today:O}.", nameof(receiver));
        }

        if (receiver.MemberId == MemberId)
        {
            return PointErrors.TransferToOneself();
        }

        if (amount < 1)
        {
            return PointErrors.InvalidAmount(amount);
        }

        if (RequirePoints(amount) is { } insufficient)
        {
            return insufficient;
        }

        if (receiver.ExceedsBalanceCap(amount, context.Policy))
        {
            return PointErrors.ExceededMaxBalance(receiver.LiveBalance, amount, context.Policy.MaxBalancePerMember);
        }

        PostExpirations(context.Actor);
        receiver.PostExpirations(context.Actor);
        var key = context.NewKey(PointKeyType.Transfer, MemberId);
        var parts = new List<TransferPart>();
        var given = Version + 1;
        var received = receiver.Version + 1;
        foreach (var (lot, points) in Draw(amount))
        {
            Append(given, PointKind.TransferOut, key, lot, -points, context.Actor, reason);
            var newKey = context.NewKey(PointKeyType.Accumulation, receiver.MemberId);
            var newLot = receiver.Grant(newKey, points, lot.ExpirationDate, lot.IsManualGrant, lot.Key);
            receiver.Append(received, PointKind.TransferIn, key, newLot, points, context.Actor, reason);
            parts.Add(new TransferPart(lot.Key, newLot));
        }

        var transfer = new Transfer(key, MemberId, receiver.MemberId, amount, parts, Timestamp(), reason) { FirstSequence = given };
        Changes.Add(transfer);
        return transfer;
    }
}
