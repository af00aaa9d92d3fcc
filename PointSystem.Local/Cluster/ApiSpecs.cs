using PointSystem.Local.Processes;
using PointSystem.Local.Telemetry;

namespace PointSystem.Local.Cluster;

/// <summary>How the API is started, as a replica and to migrate the database.</summary>
internal sealed class ApiSpecs(
    LocalClusterOptions options, string assembly, string connectionString, string signingKey, IReadOnlyDictionary<string, string?> telemetry)
{
    public ProcessSpec Migration() => Base("migrate") with { Arguments = [assembly, "migrate"] };

    public ProcessSpec Replica(string name, Uri url, int sidecarHttpPort, int sidecarGrpcPort)
    {
        var spec = Base(name);
        var environment = new Dictionary<string, string?>(spec.Environment)
        {
            ["ASPNETCORE_URLS"] = url.GetLeftPart(UriPartial.Authority),
            ["Replica__Name"] = name,
            ["Local__ExitWithStdin"] = "true",
            // Twice as long as the gateway needs to see that a replica is not ready any more.
            ["Drain__Delay"] = "00:00:01",
            ["DAPR_HTTP_ENDPOINT"] = $"http://127.0.0.1:{sidecarHttpPort}",
            ["DAPR_GRPC_ENDPOINT"] = $"http://127.0.0.1:{sidecarGrpcPort}",
            ["DAPR_HTTP_PORT"] = $"{sidecarHttpPort}",
            ["DAPR_GRPC_PORT"] = $"{sidecarGrpcPort}",
        };
        Merge(environment, TelemetryVariables.For(telemetry, "point-api", name));
        Merge(environment, options.ApiEnvironment);
        Merge(environment, options.ReplicaEnvironment?.Invoke(name) ?? new Dictionary<string, string?>());
        return spec with { Environment = environment };
    }

    private static void Merge(Dictionary<string, string?> environment, IEnumerable<KeyValuePair<string, string?>> more)
    {
        foreach (var (key, value) in more)
        {
            environment[key] = value;
        }
    }

    private ProcessSpec Base(string name) => new()
    {
        Name = name,
        FileName = DotnetHost.Path,
        Arguments = [assembly],
        WorkingDirectory = Path.GetDirectoryName(assembly),
        EndsWithInput = true,
        Order = StopOrder.Api,
        Environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            // `dotnet run` sets both for the app host; a replica has its own.
            ["DOTNET_ENVIRONMENT"] = null,
            ["DOTNET_LAUNCH_PROFILE"] = null,
            ["ConnectionStrings__points"] = connectionString,
            ["Auth__SigningKey"] = signingKey,
            ["Auth__Issuer"] = TokenIssuer.Issuer,
            ["Auth__Audience"] = TokenIssuer.Audience,
        },
    };
}
