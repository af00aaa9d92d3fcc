using System.Collections;

namespace PointSystem.Local.Sidecar;

/// <summary>OpenTelemetry's environment variables (<c>OTEL_…</c>), for a host that reads nothing else from the environment.</summary>
internal static class TelemetryVariables
{
    private const string Prefix = "OTEL_";

    public static IReadOnlyDictionary<string, string?> FromEnvironment() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.Ordinal))
        .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value);

    /// <summary>Adds telemetry to a host whose configuration contains only these variables.</summary>
    public static void AddTelemetry(this WebApplicationBuilder builder, IReadOnlyDictionary<string, string?> variables)
    {
        builder.Configuration.AddInMemoryCollection(variables);
        // An empty builder runs as Production, so no metrics are kept for a Prometheus endpoint that does not exist.
        ServiceDefaults.Telemetry.AddTelemetry(builder);
    }
}
