using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Domain.Points;

/// <summary>
/// Too few lots were loaded for the commands, for example because an earlier command of the same transaction used up a lot. The command
/// that throws it has changed nothing; load more lots and apply all commands again.
/// </summary>
[SuppressMessage("Design", "CA1032", Justification = "Thrown only by the domain, always with its details.")]
public sealed class LotsNotLoadedException(long memberId, long amount)
    : Exception($"Member {memberId}: the loaded lots do not cover {amount} points, although the member has them.")
{
    public long MemberId { get; } = memberId;

    /// <summary>Points that the command must draw.</summary>
    public long Amount { get; } = amount;
}
