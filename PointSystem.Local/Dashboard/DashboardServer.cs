using System.Globalization;
using PointSystem.Local.Processes;
using PointSystem.ServiceDefaults;

namespace PointSystem.Local.Dashboard;

/// <summary>Aspire's dashboard for this cluster alone, on the loopback interface: where it is, how it is started, what the others are told.</summary>
internal sealed class DashboardServer
{
    public const string OtlpOption = "--otlp-grpc-url";

    // Where people expect it; beside another one, any free port.
    private const int UsualPort = 18888;

    private readonly string _aspire;
    private readonly Uri _otlpGrpc = Loopback(Ports.Next());
    private readonly Uri _otlpHttp = Loopback(Ports.Next());

    /// <param name="aspire">Aspire's command line.</param>
    public DashboardServer(string aspire)
    {
        _aspire = aspire;
        Url = Loopback(Ports.IsFree(UsualPort) ? UsualPort : Ports.Next());
    }

    /// <summary>What a person opens.</summary>
    public Uri Url { get; }

    /// <summary>Answers 200 once it serves.</summary>
    public Uri Health => new(Url, "/health");

    /// <summary>Plain text, nothing reported to its makers, and no telemetry of its own for whoever gets that of this process.</summary>
    public static IReadOnlyDictionary<string, string?> Environment { get; } = new Dictionary<string, string?>
    {
        ["NO_COLOR"] = "1",
        ["TERM"] = "dumb",
        ["ASPIRE_CLI_TELEMETRY_OPTOUT"] = "true",
        [TelemetryOptions.OtlpEndpointKey] = null,
    };

    public ProcessSpec Spec() => new()
    {
        Name = "dashboard",
        FileName = _aspire,
        Arguments =
        [
            "dashboard", "run", "--allow-anonymous", "--nologo", "--non-interactive",
            "--frontend-url", Text(Url), OtlpOption, Text(_otlpGrpc), "--otlp-http-url", Text(_otlpHttp),
        ],
        Environment = Environment,
        Order = StopOrder.Redis,
    };

    /// <summary>Sends everything here, soon enough for somebody who watches. Of what was set before, all but the destination stays.</summary>
    public IReadOnlyDictionary<string, string?> Redirect(IReadOnlyDictionary<string, string?> variables) => new Dictionary<string, string?>
    {
        ["OTEL_BSP_SCHEDULE_DELAY"] = "1000",
        ["OTEL_BSP_MAX_QUEUE_SIZE"] = "16384",
        ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "2048",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "1000",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "2000",
    }
        .Concat(variables.Where(variable => !variable.Key.StartsWith("OTEL_EXPORTER_OTLP", StringComparison.Ordinal)))
        .Append(new(TelemetryOptions.OtlpEndpointKey, Text(_otlpGrpc)))
        .Append(new("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"))
        // Should it hang, the end of the run does not.
        .Append(new("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"))
        .GroupBy(variable => variable.Key)
        .ToDictionary(given => given.Key, given => given.Last().Value);

    private static string Text(Uri url) => url.GetLeftPart(UriPartial.Authority);

    private static Uri Loopback(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
}
