using PointSystem.Local.Cluster;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Replicas
{
    private const string Ready = "/health/ready";

    /// <summary>What every process of the API is told, the migration too.</summary>
    public static IResourceBuilder<ProjectResource> WithApiSettings(this IResourceBuilder<ProjectResource> api, IResourceBuilder<ParameterResource> signingKey) => api
        .WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development")
        .WithEnvironment("Replica__Name", api.Resource.Name)
        .WithEnvironment("Auth__SigningKey", signingKey)
        .WithEnvironment("Auth__Issuer", TokenIssuer.Issuer)
        .WithEnvironment("Auth__Audience", TokenIssuer.Audience);

    /// <summary>
    /// Its own port without Aspire's proxy in front: behind a proxy a connection to a replica that is gone is accepted, and the gateway could no longer tell
    /// that nothing was sent and that another replica may be asked.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithReplicaEndpoint(this IResourceBuilder<ProjectResource> api) => api
        .WithHttpEndpoint(port: Ports.Next(), isProxied: false)
        // When it is told to end, it serves on until the gateway has noticed.
        .WithEnvironment("Drain__Delay", "00:00:01")
        .WithHttpHealthCheck(Ready);
}
