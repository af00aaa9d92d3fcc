using System.Net.Http.Headers;

namespace PointSystem.ServiceDefaults;

/// <summary>The header <c>Retry-After</c> of a receiver's answer.</summary>
public static class RetryAfter
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    /// <summary>How long the receiver wants to be left alone: 0 … 24 hours, 0 if it does not say.</summary>
    public static TimeSpan Of(RetryConditionHeaderValue? header, DateTimeOffset now)
    {
        var wait = header?.Delta ?? header?.Date - now ?? TimeSpan.Zero;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > Longest ? Longest : wait;
    }
}
