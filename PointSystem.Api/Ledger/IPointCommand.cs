using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>
/// A write of points. It says what it needs, and then decides by the pure domain over what was loaded; it has no connection of its own,
/// so any number of commands, over any number of members, can share one transaction.
/// </summary>
internal interface IPointCommand
{
    /// <summary>The member that the command belongs to; the giver of a transfer.</summary>
    long MemberId { get; }

    /// <summary>Who asks.</summary>
    string Actor { get; }

    /// <summary>Set when the request carried an <c>Idempotency-Key</c>.</summary>
    Idempotency? Idempotency { get; }

    /// <summary>Names the wallets to lock and the rows to load.</summary>
    void Declare(LoadPlan plan);

    /// <summary>
    /// Applies the command to the locked members. Pure except for the accounts; must leave them untouched when it refuses.
    /// </summary>
    CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context);
}
