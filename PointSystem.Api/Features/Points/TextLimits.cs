namespace PointSystem.Api.Features.Points;

/// <summary>Longest texts that requests may carry, in characters.</summary>
internal static class TextLimits
{
    public const int Reason = 500;
}
