using PointSystem.Local;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Replicas
{
    private const string Ready = "/health/ready";

    /// <summary>Settings for every process of the API, including the migration.</summary>
    public static IResourceBuilder<ProjectResource> WithApiSettings(this IResourceBuilder<ProjectResource> api) => api
        .WithLocalSettings()
        .WithEnvironment("Replica__Name", api.Resource.Name)
        .WithEnvironment("Auth__Audience", TokenIssuer.Audience)
        // Receivers of webhooks that are tried out here.
        .WithEnvironment("Webhooks__AllowedNetworks__0", "127.0.0.0/8");

    /// <summary>Settings for every process of ours.</summary>
    public static IResourceBuilder<ProjectResource> WithLocalSettings(this IResourceBuilder<ProjectResource> project) => project
        .WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development")
        // The parent is `dotnet run`. If that is killed, the port must become free for its replacement.
        .WithEnvironment("Local__ExitWithParent", "true");

    /// <summary>
    /// Gives the replica its own port, without Aspire's proxy: a proxy would accept connections to a dead replica, and the gateway could
    /// no longer tell that nothing was sent and that it may try another replica.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithReplicaEndpoint(this IResourceBuilder<ProjectResource> api) => api
        .WithHttpEndpoint(port: Ports.Next(), isProxied: false)
        // After a stop signal it keeps serving until the gateway has noticed.
        .WithEnvironment("Drain__Delay", "00:00:01")
        .WithHttpHealthCheck(Ready)
        .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = (Ready, "Health"));
}
