using Npgsql;
using PointSystem.Local;
using PointSystem.Local.Processes;

namespace PointSystem.TestKit;

/// <summary>How to start our own programs: the API as a replica and as the migration, each as its own database user, and the gateway.</summary>
internal sealed class ProcessSpecs(LocalClusterOptions options, string owner, string replica, string signingKey, string redis)
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public ProcessSpec Migration() => Api("migrate", ["migrate"], owner, []);

    public ProcessSpec Replica(string name, Uri url, int sidecarHttpPort, int sidecarGrpcPort) => Api(name, [], replica, new Dictionary<string, string?>
    {
        ["ASPNETCORE_URLS"] = url.GetLeftPart(UriPartial.Authority),
        ["Replica__Name"] = name,
        // Twice the time that the gateway needs to notice that a replica is not ready any more.
        ["Drain__Delay"] = "00:00:01",
        ["DAPR_HTTP_ENDPOINT"] = $"http://127.0.0.1:{sidecarHttpPort}",
        ["DAPR_GRPC_ENDPOINT"] = $"http://127.0.0.1:{sidecarGrpcPort}",
        ["DAPR_HTTP_PORT"] = $"{sidecarHttpPort}",
        ["DAPR_GRPC_PORT"] = $"{sidecarGrpcPort}",
        ["ConnectionStrings__points-cache"] = options.BalanceCache ? redis : null,
        ["ConnectionStrings__points-standby"] =
            options.StandbyPort is { } port ? new NpgsqlConnectionStringBuilder(replica) { Port = port }.ConnectionString : null,
    }.Concat(TelemetryOf("point-api", name)).Concat(options.ApiEnvironment)
        .Concat(options.ReplicaEnvironment?.Invoke(name) ?? new Dictionary<string, string?>()));

    public ProcessSpec Gateway(Uri url, IEnumerable<(string Name, Uri Url)> replicas) => Program("gateway", BuildOutputs.Gateway, [],
        replicas.ToDictionary(replica => $"services__{replica.Name}__http__0", replica => (string?)replica.Url.GetLeftPart(UriPartial.Authority))
            .Append(new("ASPNETCORE_URLS", url.GetLeftPart(UriPartial.Authority)))
            .Concat(TelemetryOf("point-gateway", "gateway"))
            .Concat(options.GatewayEnvironment));

    /// <summary>OpenTelemetry's variables for one process; none if telemetry is not sent.</summary>
    /// <param name="service">The service name, the same for all processes of a kind.</param>
    /// <param name="name">The name of the process.</param>
    public IEnumerable<KeyValuePair<string, string?>> TelemetryOf(string service, string name) =>
        string.IsNullOrEmpty(options.Telemetry.TryGetValue(Endpoint, out var endpoint) ? endpoint : null)
            ? [new(Endpoint, null)]
            : options.Telemetry.Concat(
            [
                new("OTEL_SERVICE_NAME", service),
                // Dashboards combine service and instance, for example to point-api-1.
                new("OTEL_RESOURCE_ATTRIBUTES", $"service.instance.id={(name.Split('-') is [_, var number] ? number : "1")}"),
            ]);

    private ProcessSpec Api(string name, string[] arguments, string connectionString, IEnumerable<KeyValuePair<string, string?>> environment) =>
        Program(name, options.ApiAssembly ?? BuildOutputs.Api, arguments, new Dictionary<string, string?>
        {
            ["ConnectionStrings__points"] = connectionString,
            ["Auth__SigningKey"] = signingKey,
            ["Auth__Issuer"] = TokenIssuer.Issuer,
            ["Auth__Audience"] = TokenIssuer.Audience,
        }.Concat(environment));

    private static ProcessSpec Program(string name, string assembly, string[] arguments, IEnumerable<KeyValuePair<string, string?>> environment)
    {
        var all = new Dictionary<string, string?>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            // A test runner or `dotnet run` may have set these for itself.
            ["DOTNET_ENVIRONMENT"] = null,
            ["DOTNET_LAUNCH_PROFILE"] = null,
            ["Local__ExitWithStdin"] = "true",
        };
        foreach (var (key, value) in environment)
        {
            all[key] = value;
        }
        return new ProcessSpec
        {
            Name = name,
            FileName = DotnetHost.Path,
            Arguments = [assembly, .. arguments],
            WorkingDirectory = Path.GetDirectoryName(assembly),
            EndsWithInput = true,
            Environment = all,
        };
    }
}
