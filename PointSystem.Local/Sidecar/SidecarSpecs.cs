using System.Globalization;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Sidecar;

/// <summary>How to start a replica's sidecar: daprd where it is found, otherwise the lock stand-in.</summary>
internal sealed class SidecarSpecs
{
    public const string ChoiceStandIn = "stand-in";

    // One app id for all replicas: it is part of every lock's key, so replicas with different ids would not exclude each other.
    public const string AppId = "point-api";

    /// <summary>
    /// A variable of daprd's Go runtime: it collects garbage when its heap has grown by this percentage. A lock leaves garbage of a few
    /// kilobytes in a heap of a few megabytes, so the default of 100 collects all the time.
    /// </summary>
    public const string GcVariable = "GOGC";

    /// <summary>The value of <see cref="GcVariable"/>.</summary>
    public const string GcPercent = "400";

    /// <summary>
    /// The local Redis has no users: credentials that somebody has set for another one would be refused.
    /// </summary>
    public static IReadOnlyDictionary<string, string?> NoCredentials { get; } =
        new Dictionary<string, string?> { ["REDIS_USERNAME"] = "", ["REDIS_PASSWORD"] = "" };

    /// <summary>The file in the components folder with daprd's own settings.</summary>
    public const string ConfigurationFile = "configuration.yaml";

    private readonly string? _daprd;
    private readonly string _components;
    private readonly string _redisAddress;

    /// <param name="choice">Null = daprd where it is found; <see cref="ChoiceStandIn"/>.</param>
    /// <param name="components">The folder with Dapr's component files.</param>
    /// <param name="redisAddress">The address of the lock store.</param>
    public SidecarSpecs(string? choice, string components, string redisAddress)
    {
        _daprd = choice == ChoiceStandIn ? null : FindDaprd();
        _components = components;
        _redisAddress = redisAddress;
    }

    public string Description => _daprd is null ? "the lock stand-in, instead of Dapr" : $"Dapr ({_daprd})";

    public ProcessSpec Spec(string name, int httpPort, int grpcPort)
    {
        string[] common =
        [
            "--app-id", AppId,
            "--dapr-http-port", httpPort.ToString(CultureInfo.InvariantCulture),
            "--dapr-grpc-port", grpcPort.ToString(CultureInfo.InvariantCulture),
            "--resources-path", _components,
            "--config", Path.Combine(_components, ConfigurationFile),
        ];
        var spec = new ProcessSpec
        {
            Name = name,
            FileName = DotnetHost.Path,
            Arguments = DotnetHost.Verb(SidecarCommand.Name, [.. common, StdinGuard.Flag]),
            Environment = new Dictionary<string, string?>(NoCredentials)
            {
                ["REDIS_HOST"] = _redisAddress,
                [GcVariable] = GcPercent,
            },
            EndsWithInput = true,
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

    /// <summary>Null if it is not installed, or cannot be executed.</summary>
    public static string? FindDaprd()
    {
        string?[] candidates = [Environment.GetEnvironmentVariable("DAPRD_PATH"), Executables.OnPath("daprd"), DaprInHome];
        return candidates.FirstOrDefault(candidate => candidate is not null && Executables.Runs(candidate, "--version"));
    }
}
