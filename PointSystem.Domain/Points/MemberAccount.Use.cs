using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

public sealed partial class MemberAccount
{
    /// <summary>Spends points on an order, all or nothing (docs/rules.md, "Use").</summary>
    /// <param name="orderNumber">See <see cref="OrderNumbers"/>; stored in normalization form C.</param>
    /// <param name="amount">Points, at least 1.</param>
    /// <param name="context">Actor and keys.</param>
    public Result<Usage> Use(string orderNumber, long amount, CommandContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (OrderNumbers.Check(orderNumber, out orderNumber) is { } invalid)
        {
            return invalid;
        }

        if (amount < 1)
        {
            return PointErrors.InvalidAmount(amount);
        }

        if (context.Policy.RefusesDuplicateOrders && FindUncancelledUsage(orderNumber) is { } earlier)
        {
            return PointErrors.DuplicateOrder(orderNumber, earlier.Value);
        }

        if (RequirePoints(amount) is { } insufficient)
        {
            return insufficient;
        }

        PostExpirations(context.Actor);
        var now = Timestamp();
        var first = Version + 1;
        var key = context.NewKey(PointKeyType.Usage, MemberId);
        var details = new List<UsageDetail>();
        foreach (var (lot, points) in Draw(amount))
        {
            details.Add(new UsageDetail { Number = details.Count + 1, LotId = lot.Id, LotKey = lot.Key, Amount = points });
            Append(first, PointKind.Use, key, lot, -points, context.Actor, reason: null);
        }

        var usage = new Usage
        {
            Id = first,
            MemberId = MemberId,
            Key = key,
            OrderNumber = orderNumber,
            TotalAmount = amount,
            Details = details,
            CreatedAt = now,
            UpdatedAt = now,
        };
        _usages.Add(key, usage);
        Changes.AddNew(usage);
        return usage;
    }

    /// <summary>
    /// Returns all or part of the points of a usage (docs/rules.md, "Cancel a usage"). The balance and accumulation limits do not apply.
    /// </summary>
    /// <param name="key">The usage.</param>
    /// <param name="amount">Points, at least 1; null for all remaining points.</param>
    /// <param name="reason">Optional reason.</param>
    /// <param name="context">Policy (for re-grants), actor, keys.</param>
    public Result<Cancellation> CancelUsage(PointKey key, long? amount, string? reason, CommandContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (!_usages.TryGetValue(key, out var usage))
        {
            return PointErrors.UsageNotFound(key.Value);
        }

        if (amount < 1)
        {
            return PointErrors.InvalidAmount(amount.Value);
        }

        if (usage.RemainingAmount == 0)
        {
            return PointErrors.UsageAlreadyCancelled(key.Value);
        }

        var points = amount ?? usage.RemainingAmount;
        if (points > usage.RemainingAmount)
        {
            return PointErrors.ExceededCancelAmount(points, usage.RemainingAmount);
        }

        var parts = GiveBack(usage, points);
        PostExpirations(context.Actor);
        usage.CancelledAmount += points;
        usage.UpdatedAt = Timestamp();

        var cancellationKey = context.NewKey(PointKeyType.Cancellation, MemberId);
        var first = Version + 1;
        var restored = Restore(parts, cancellationKey, reason, context);
        var regranted = Regrant(parts, cancellationKey, reason, context);
        var cancellation = new Cancellation(cancellationKey, usage, points, restored, regranted, first, Version, Timestamp(), reason);
        Changes.Add(cancellation);
        return cancellation;
    }

    /// <summary>Returns a usage of the order that still has uncancelled points, or null.</summary>
    private PointKey? FindUncancelledUsage(string orderNumber)
    {
        foreach (var usage in _usages.Values)
        {
            if (usage.RemainingAmount > 0 && usage.OrderNumber == orderNumber)
            {
                return usage.Key;
            }
        }

        return _uncancelledUsages?.TryGetValue(orderNumber, out var key) == true ? key : null;
    }

    /// <summary>Returns the points from the details, in the order in which they were drawn.</summary>
    private List<(Lot Lot, long Points)> GiveBack(Usage usage, long points)
    {
        // All lots are looked up before the first detail changes, so that a missing lot leaves nothing half done.
        var parts = new List<(UsageDetail Detail, Lot Lot, long Points)>();
        foreach (var detail in usage.Details)
        {
            var part = Math.Min(points, detail.Amount - detail.CancelledAmount);
            if (part > 0)
            {
                parts.Add((detail, LotOf(detail), part));
                points -= part;
            }
        }

        foreach (var (detail, _, part) in parts)
        {
            detail.CancelledAmount += part;
            Changes.Touch(usage, detail);
        }

        return parts.ConvertAll(part => (part.Lot, part.Points));
    }

    private List<RestoredPart> Restore(List<(Lot Lot, long Points)> parts, PointKey key, string? reason, CommandContext context)
    {
        var restored = new List<RestoredPart>();
        var group = Version + 1;
        foreach (var (lot, points) in parts.Where(part => part.Lot.IsLiveOn(At.Today)))
        {
            lot.Used -= points;
            lot.Available += points;
            lot.UpdatedAt = Touch(lot);
            _drawable.Add(lot);
            _drawableAmount += points;
            Append(group, PointKind.UseCancel, key, lot, points, context.Actor, reason);
            restored.Add(new RestoredPart(lot, points));
        }

        return restored;
    }

    private List<RegrantedPart> Regrant(List<(Lot Lot, long Points)> parts, PointKey key, string? reason, CommandContext context)
    {
        var regranted = new List<RegrantedPart>();
        var group = Version + 1;
        var expirationDate = At.Today.AddDays(context.Policy.DefaultExpirationDays);
        foreach (var (lot, points) in parts.Where(part => !part.Lot.IsLiveOn(At.Today)))
        {
            // The lot has expired: the returned points count as expired there and continue in the new lot.
            lot.Used -= points;
            lot.Expired += points;
            lot.UpdatedAt = Touch(lot);
            var granted = Grant(context.NewKey(PointKeyType.Accumulation, MemberId), points, expirationDate, lot.IsManualGrant, lot.Key);
            Append(group, PointKind.Regrant, key, granted, points, context.Actor, reason);
            regranted.Add(new RegrantedPart(lot.Key, granted));
        }

        return regranted;
    }
}
