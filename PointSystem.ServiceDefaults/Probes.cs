using Microsoft.AspNetCore.Http;

namespace PointSystem.ServiceDefaults;

/// <summary>Requests by which others watch a process, several times a second: traced, they would bury what people look for.</summary>
internal static class Probes
{
    private static readonly PathString[] Paths = ["/health", TelemetryOptions.MetricsPath, "/v1.0/healthz"];

    public static bool Contain(PathString path) => Array.Exists(Paths, probe => path.StartsWithSegments(probe, StringComparison.OrdinalIgnoreCase));

    public static bool Contain(Uri? url) => url is { IsAbsoluteUri: true } && Contain(new PathString(url.AbsolutePath));
}
