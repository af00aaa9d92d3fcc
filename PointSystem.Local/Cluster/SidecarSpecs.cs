using System.Globalization;
using PointSystem.Local.Processes;
using PointSystem.Local.Telemetry;

namespace PointSystem.Local.Cluster;

/// <summary>How a replica's sidecar is started: Dapr's own where it is found, else the lock stand-in.</summary>
internal sealed class SidecarSpecs
{
    public const string ChoiceStandIn = "stand-in";

    // One app id for all replicas: it is part of every lock's key, and two ids would never exclude each other.
    public const string AppId = "point-api";
    private readonly string? _daprd;
    private readonly string _components;
    private readonly string _redisAddress;
    private readonly IReadOnlyDictionary<string, string?> _telemetry;

    /// <param name="choice">Null = Dapr where it is found; <see cref="ChoiceStandIn"/>.</param>
    /// <param name="components">Dapr's component files.</param>
    /// <param name="redisAddress">The lock store.</param>
    /// <param name="telemetry">OpenTelemetry's variables that all parts share.</param>
    public SidecarSpecs(string? choice, string components, string redisAddress, IReadOnlyDictionary<string, string?> telemetry)
    {
        _daprd = choice == ChoiceStandIn ? null : FindDaprd();
        _components = components;
        _redisAddress = redisAddress;
        _telemetry = telemetry;
    }

    /// <summary>Whether Dapr's runtime lies where its launcher looks for it, which is what <c>dapr init</c> does.</summary>
    public static bool IsDaprInitialized => File.Exists(DaprInHome);

    public string Description => _daprd is null ? "the lock stand-in, in the place of Dapr" : $"Dapr ({_daprd})";

    public ProcessSpec Spec(string name, int httpPort, int grpcPort)
    {
        string[] common =
        [
            "--app-id", AppId,
            "--dapr-http-port", httpPort.ToString(CultureInfo.InvariantCulture),
            "--dapr-grpc-port", grpcPort.ToString(CultureInfo.InvariantCulture),
            "--resources-path", _components,
        ];
        var spec = new ProcessSpec
        {
            Name = name,
            FileName = DotnetHost.Path,
            Arguments = DotnetHost.Verb("sidecar", [.. common, StdinGuard.Flag]),
            Environment = new Dictionary<string, string?>(TelemetryVariables.For(_telemetry, "point-sidecar", name))
            {
                ["REDIS_HOST"] = _redisAddress,
                ["REDIS_PASSWORD"] = "",
            },
            EndsWithInput = true,
            Order = StopOrder.Sidecar,
        };
        return _daprd is null
            ? spec
            : spec with
            {
                FileName = _daprd,
                Arguments =
                [
                    .. common,
                    "--dapr-internal-grpc-port", Ports.Next().ToString(CultureInfo.InvariantCulture),
                    "--dapr-listen-addresses", "127.0.0.1",
                    "--metrics-port", Ports.Next().ToString(CultureInfo.InvariantCulture),
                    "--dapr-graceful-shutdown-seconds", "1",
                ],
                EndsWithInput = false,
            };
    }

    private static string DaprInHome => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dapr", "bin", OperatingSystem.IsWindows() ? "daprd.exe" : "daprd");

    private static string? FindDaprd()
    {
        string?[] candidates = [Environment.GetEnvironmentVariable("DAPRD_PATH"), Executables.OnPath("daprd"), DaprInHome];
        return candidates.FirstOrDefault(File.Exists);
    }
}
