using Microsoft.AspNetCore.Http;

namespace PointSystem.ServiceDefaults;

/// <summary>Probe requests, which come several times a second. They are not traced, because they would hide the other traces.</summary>
internal static class Probes
{
    private static readonly PathString[] Paths = ["/health", TelemetryOptions.MetricsPath, "/v1.0/healthz"];

    public static bool Contain(PathString path) => Array.Exists(Paths, probe => path.StartsWithSegments(probe, StringComparison.OrdinalIgnoreCase));

    public static bool Contain(Uri? url) => url is { IsAbsoluteUri: true } && Contain(new PathString(url.AbsolutePath));
}
