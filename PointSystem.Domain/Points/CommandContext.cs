using PointSystem.Domain.Policies;

namespace PointSystem.Domain.Points;

/// <summary>Creates a new key; the domain's only source of randomness.</summary>
public delegate PointKey PointKeyFactory(PointKeyType type, long memberId);

/// <summary>What a command depends on besides the member's account.</summary>
/// <param name="Policy">The limits in force.</param>
/// <param name="At">The current moment; the same as that of the accounts.</param>
/// <param name="Actor">Who sent the command; stored in the ledger.</param>
/// <param name="NewKey">Source of keys.</param>
public sealed record CommandContext(PointPolicy Policy, BusinessMoment At, string Actor, PointKeyFactory NewKey);
