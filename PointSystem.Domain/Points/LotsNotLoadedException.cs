using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Domain.Points;

/// <summary>
/// The account was loaded with fewer lots than the commands turned out to need, e.g. because an earlier command of the same transaction took a lot
/// away. Nothing was changed by the command that throws it; load more and apply all commands anew.
/// </summary>
[SuppressMessage("Design", "CA1032", Justification = "Thrown here only, always with its facts.")]
public sealed class LotsNotLoadedException(long memberId, long amount)
    : Exception($"Member {memberId}: the loaded lots do not hold the {amount} points that the member has.")
{
    public long MemberId { get; } = memberId;

    /// <summary>Points the command has to draw.</summary>
    public long Amount { get; } = amount;
}
