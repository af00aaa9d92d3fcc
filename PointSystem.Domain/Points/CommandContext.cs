using PointSystem.Domain.Policies;

namespace PointSystem.Domain.Points;

/// <summary>Makes a fresh key; the only source of randomness the domain has.</summary>
public delegate PointKey PointKeyFactory(PointKeyType type, long memberId);

/// <summary>What a command is judged by besides the member's account.</summary>
/// <param name="Policy">The limits in force.</param>
/// <param name="At">Now; the same as the accounts' own.</param>
/// <param name="Actor">Who asks; kept in the ledger.</param>
/// <param name="NewKey">Source of keys.</param>
public sealed record CommandContext(PointPolicy Policy, BusinessMoment At, string Actor, PointKeyFactory NewKey);
