using PointSystem.Local.Cluster;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

/// <summary>A lock sidecar for each replica: Dapr's own where Dapr is installed, else the stand-in.</summary>
internal static partial class Sidecars
{
    private const string RedisHost = "REDIS_HOST";

    public static IResourceBuilder<ProjectResource> WithLockSidecar(
        this IResourceBuilder<ProjectResource> replica, IResourceBuilder<IResourceWithEndpoints> redis, Settings settings)
    {
        var redisHost = ReferenceExpression.Create($"{redis.GetEndpoint(LockStore.EndpointName).Property(EndpointProperty.HostAndPort)}");
        var added = false;
        TryAddDapr(replica, redis, redisHost, settings, ref added);
        if (!added)
        {
            AddProcess(replica, redis, redisHost, settings);
        }
        return replica;
    }

    /// <summary>By Dapr's own launcher, where it is installed and the build has the toolkit for it (the property <c>AspireDapr</c>).</summary>
    static partial void TryAddDapr(
        IResourceBuilder<ProjectResource> replica, IResourceBuilder<IResource> redis, ReferenceExpression redisHost, Settings settings, ref bool added);

    private static void AddProcess(
        IResourceBuilder<ProjectResource> replica, IResourceBuilder<IResource> redis, ReferenceExpression redisHost, Settings settings)
    {
        var (http, grpc) = (Ports.Next(), Ports.Next());
        var name = replica.Resource.Name + "-sidecar";
        var spec = new SidecarSpecs(settings.Cluster.Sidecar, settings.Components, redisAddress: "", settings.Cluster.Telemetry.AsReadOnly()).Spec(name, http, grpc);
        var sidecar = replica.ApplicationBuilder
            .AddExecutable(name, spec.FileName, AppContext.BaseDirectory, [.. spec.ArgumentsWithoutGuard])
            .WithHttpEndpoint(port: http, isProxied: false)
            .WithHttpEndpoint(port: grpc, name: "grpc", isProxied: false)
            .WithHttpHealthCheck("/v1.0/healthz/outbound", statusCode: 204, endpointName: "http")
            .WithEnvironment(RedisHost, redisHost)
            .WithOtlpExporter()
            .WithParentRelationship(replica)
            .WaitFor(redis);
        replica
            .WithEnvironment("DAPR_HTTP_ENDPOINT", sidecar.GetEndpoint("http"))
            .WithEnvironment("DAPR_GRPC_ENDPOINT", sidecar.GetEndpoint("grpc"))
            .WaitFor(sidecar);
    }
}
