using System.Globalization;

namespace PointSystem.Gateway;

/// <summary>How the replica of a request is chosen.</summary>
internal enum Affinity
{
    /// <summary>By member: all requests of a member go to the same replica.</summary>
    Member,

    /// <summary>In turn.</summary>
    None,
}

/// <summary>How the gateway spreads requests. Read once, at start.</summary>
internal sealed class GatewayOptions
{
    public const string SectionName = "Gateway";

    /// <summary>How the replica of a request is chosen. Default <see cref="Affinity.Member"/>.</summary>
    public Affinity Affinity { get; init; }

    /// <summary>
    /// Bound of the requests in flight at a replica, in multiples of the mean, 1.05 … 10. Beyond it a replica gets only requests of members that
    /// already have some in flight there. Default 1.25.
    /// </summary>
    public double LoadBound { get; init; } = 1.25;

    /// <summary>Requests in flight at a replica below which the bound does not apply, 1 … 10,000. Default 32.</summary>
    public int LoadFloor { get; init; } = 32;

    /// <summary>
    /// The origins whose pages may call <c>/api</c> from a browser, section <c>Cors:Origins</c>. Default: none, so that a browser refuses every
    /// page of another origin.
    /// </summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <exception cref="GatewayFaultException">A setting is invalid; the message names it.</exception>
    public static GatewayOptions Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(SectionName);
        var defaults = new GatewayOptions();
        return new GatewayOptions
        {
            Affinity = Read(section, nameof(Affinity), defaults.Affinity, ParseAffinity, "Member or None"),
            LoadBound = Read(section, nameof(LoadBound), defaults.LoadBound, ParseBound, "a number from 1.05 to 10"),
            LoadFloor = Read(section, nameof(LoadFloor), defaults.LoadFloor, ParseFloor, "a whole number from 1 to 10000"),
            CorsOrigins = ReadOrigins(configuration.GetSection("Cors:Origins")),
        };
    }

    private static string[] ReadOrigins(IConfigurationSection section) => section.Value is { Length: > 0 }
        ? throw new GatewayFaultException($"{section.Path} is a list: set {section.Path}:0, {section.Path}:1 and so on.")
        : [.. section.GetChildren().Select(origin => IsOrigin(origin.Value)
            ? origin.Value!
            : throw new GatewayFaultException(
                $"{origin.Path} must be an origin like https://shop.example.com, in lower case, without path and wildcard, "
                + $"and with http only for this machine, not '{origin.Value}'."))];

    // Compared as text with what a browser sends, so it must be written as a browser writes it. Over plain HTTP anybody on the way could
    // change the page.
    private static bool IsOrigin(string? text) => Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback))
        && url.UserInfo.Length == 0
        && url.GetLeftPart(UriPartial.Authority) == text;

    private static T Read<T>(IConfigurationSection section, string key, T otherwise, Func<string, T?> parse, string rule)
        where T : struct =>
        section[key] is not { Length: > 0 } text ? otherwise
        : parse(text) ?? throw new GatewayFaultException($"{SectionName}:{key} must be {rule}, not '{text}'.");

    private static Affinity? ParseAffinity(string text) =>
        text.Equals(nameof(Affinity.Member), StringComparison.OrdinalIgnoreCase) ? Affinity.Member
        : text.Equals(nameof(Affinity.None), StringComparison.OrdinalIgnoreCase) ? Affinity.None
        : null;

    private static double? ParseBound(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var bound) && bound is >= 1.05 and <= 10 ? bound : null;

    private static int? ParseFloor(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var floor) && floor is >= 1 and <= 10_000 ? floor : null;
}
