using System.Collections;
using PointSystem.ServiceDefaults;

namespace PointSystem.Local.Telemetry;

/// <summary>OpenTelemetry's variables (<c>OTEL_…</c>), for hosts that read nothing else of the environment and for children that are told who they are.</summary>
internal static class TelemetryVariables
{
    private const string Prefix = "OTEL_";
    private const string ServiceName = "OTEL_SERVICE_NAME";
    private const string Attributes = "OTEL_RESOURCE_ATTRIBUTES";

    public static IReadOnlyDictionary<string, string?> OfThisProcess() => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.Ordinal))
        .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value);

    public static bool HaveEndpoint(IReadOnlyDictionary<string, string?> variables) =>
        !string.IsNullOrWhiteSpace(variables.GetValueOrDefault(TelemetryOptions.OtlpEndpointKey));

    /// <summary>The variables of one part of the cluster; none where telemetry goes nowhere.</summary>
    /// <param name="variables">What all parts share.</param>
    /// <param name="service">What the part is, the same for all of its kind.</param>
    /// <param name="name">Which one of its kind, by the number at its end (the first where there is none): dashboards put kind and instance together, to <c>point-api-1</c>.</param>
    public static IReadOnlyDictionary<string, string?> For(IReadOnlyDictionary<string, string?> variables, string service, string name)
    {
        if (!HaveEndpoint(variables))
        {
            return new Dictionary<string, string?>();
        }
        var given = variables.GetValueOrDefault(Attributes);
        return new Dictionary<string, string?>(variables)
        {
            [ServiceName] = service,
            [Attributes] = (string.IsNullOrWhiteSpace(given) ? "" : given + ",") + "service.instance.id=" + (name.Contains('-', StringComparison.Ordinal) ? name[(name.LastIndexOf('-') + 1)..] : "1"),
        };
    }

    /// <summary>Adds telemetry to a host whose configuration holds nothing but these variables.</summary>
    public static void AddTelemetry(this WebApplicationBuilder builder, IReadOnlyDictionary<string, string?> variables)
    {
        builder.Configuration.AddInMemoryCollection(variables);
        // An empty builder calls itself Production, so no metrics are kept for a Prometheus that has nowhere to ask.
        ServiceDefaults.Telemetry.AddTelemetry(builder);
    }
}
