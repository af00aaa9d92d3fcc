using System.ComponentModel.DataAnnotations;

namespace PointSystem.Api.Caching;

/// <summary>Options of the balance cache; section <c>Cache</c>. There is a cache if there is a connection string <c>points-cache</c>.</summary>
internal sealed class CacheOptions
{
    public const string SectionName = "Cache";

    /// <summary>
    /// How long a balance may be served after the moment at which it was known to be current. 1 s … 1 minute; default 5 s. A caller that names no
    /// version may see a state that is this old.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00", ErrorMessage = "Cache:Ttl must be from {1} to {2}.")]
    public TimeSpan Ttl { get; set; } = TimeSpan.FromSeconds(5);
}
