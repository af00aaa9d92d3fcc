using PointSystem.Local;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Replicas
{
    private const string Ready = "/health/ready";

    /// <summary>What every process of the API is told, the migration too.</summary>
    public static IResourceBuilder<ProjectResource> WithApiSettings(
        this IResourceBuilder<ProjectResource> api, IResourceBuilder<ParameterResource> signingKey) => api
        .WithLocalSettings()
        .WithEnvironment("Replica__Name", api.Resource.Name)
        .WithEnvironment("Auth__SigningKey", signingKey)
        .WithEnvironment("Auth__Issuer", TokenIssuer.Issuer)
        .WithEnvironment("Auth__Audience", TokenIssuer.Audience);

    /// <summary>What every process of ours is told.</summary>
    public static IResourceBuilder<ProjectResource> WithLocalSettings(this IResourceBuilder<ProjectResource> project) => project
        .WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development")
        // Its parent is `dotnet run`; if that is killed, the port has to be free for the one that is started instead.
        .WithEnvironment("Local__ExitWithParent", "true");

    /// <summary>
    /// Its own port without Aspire's proxy in front: behind a proxy a connection to a replica that is gone is accepted, and the gateway
    /// could no longer tell that nothing was sent and that another replica may be asked.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithReplicaEndpoint(this IResourceBuilder<ProjectResource> api) => api
        .WithHttpEndpoint(port: Ports.Next(), isProxied: false)
        // When it is told to end, it serves on until the gateway has noticed.
        .WithEnvironment("Drain__Delay", "00:00:01")
        .WithHttpHealthCheck(Ready)
        .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = (Ready, "Health"));
}
