using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>
/// A write of points. It declares what it needs, and then calls the pure domain on what was loaded. It has no connection of its own, so
/// any number of commands, for any number of members, can share one transaction.
/// </summary>
internal interface IPointCommand
{
    /// <summary>The member of the command; for a transfer, the member that gives.</summary>
    long MemberId { get; }

    /// <summary>Who made the request.</summary>
    string Actor { get; }

    /// <summary>Set if the request had an <c>Idempotency-Key</c>.</summary>
    Idempotency? Idempotency { get; }

    /// <summary>Declares the wallets to lock and the rows to load.</summary>
    void Declare(LoadPlan plan);

    /// <summary>
    /// Applies the command to the locked members. Pure except for the accounts, which a refusal must leave unchanged.
    /// </summary>
    CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context);

    /// <summary>The entry in the audit, if the command is one of an administrator; it is written in the transaction of the command.</summary>
    /// <param name="accepted">What <see cref="Apply"/> returned.</param>
    AuditEntry? Audit(CommandOutcome accepted) => null;
}
