using PointSystem.Local.Processes;
using PointSystem.Local.Sidecar;

namespace PointSystem.AppHost;

/// <summary>A lock sidecar per replica, started directly: daprd where it is installed, otherwise the stand-in.</summary>
internal static class Sidecars
{
    private const string RedisHost = "REDIS_HOST";

    /// <summary>Its name in the ready block.</summary>
    public const string Part = "sidecar";

    public static IResourceBuilder<ProjectResource> WithLockSidecar(
        this IResourceBuilder<ProjectResource> replica, IResourceBuilder<IResourceWithEndpoints> redis, Settings settings)
    {
        var redisHost = ReferenceExpression.Create($"{redis.GetEndpoint(LockStore.EndpointName).Property(EndpointProperty.HostAndPort)}");
        var (http, grpc) = (Ports.Next(), Ports.Next());
        var name = replica.Resource.Name + "-sidecar";
        var specs = new SidecarSpecs(settings.Sidecar, settings.Components, redisAddress: "");
        settings.Parts[Part] = specs.Description;
        var spec = specs.Spec(name, http, grpc);
        var sidecar = replica.ApplicationBuilder
            .AddExecutable(name, spec.FileName, AppContext.BaseDirectory, [.. spec.ArgumentsWithoutGuard])
            .WithHttpEndpoint(port: http, isProxied: false)
            .WithHttpEndpoint(port: grpc, name: "grpc", isProxied: false)
            .WithHttpHealthCheck("/v1.0/healthz/outbound", statusCode: 204, endpointName: "http")
            .WithEnvironment(RedisHost, redisHost)
            .WithEnvironment(SidecarSpecs.GcVariable, SidecarSpecs.GcPercent)
            .WithOtlpExporter()
            .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = ("/v1.0/healthz/outbound", "Health"))
            .WithUrlForEndpoint("grpc", url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly)
            .WithIconName("LockClosed")
            .WithParentRelationship(replica)
            .WaitFor(redis)
            .KeepRunning();
        foreach (var (variable, value) in SidecarSpecs.NoCredentials)
        {
            sidecar.WithEnvironment(variable, value);
        }
        return replica
            .WithEnvironment("DAPR_HTTP_ENDPOINT", sidecar.GetEndpoint("http"))
            .WithEnvironment("DAPR_GRPC_ENDPOINT", sidecar.GetEndpoint("grpc"))
            .WaitFor(sidecar);
    }
}
