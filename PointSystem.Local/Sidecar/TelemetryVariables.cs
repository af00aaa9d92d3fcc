using System.Collections;

namespace PointSystem.Local.Sidecar;

/// <summary>OpenTelemetry's variables (<c>OTEL_…</c>), for a host that reads nothing else of the environment.</summary>
internal static class TelemetryVariables
{
    private const string Prefix = "OTEL_";

    public static IReadOnlyDictionary<string, string?> OfThisProcess() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.Ordinal))
        .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value);

    /// <summary>Adds telemetry to a host whose configuration holds nothing but these variables.</summary>
    public static void AddTelemetry(this WebApplicationBuilder builder, IReadOnlyDictionary<string, string?> variables)
    {
        builder.Configuration.AddInMemoryCollection(variables);
        // An empty builder calls itself Production, so no metrics are kept for a Prometheus that has nowhere to ask.
        ServiceDefaults.Telemetry.AddTelemetry(builder);
    }
}
