using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using PointSystem.Local.Garnet;

namespace PointSystem.AppHost;

internal static class LockStore
{
    /// <summary>Name of the endpoint, with and without a container.</summary>
    public const string EndpointName = "tcp";

    /// <summary>Name of the resource.</summary>
    public const string Name = "redis";

    /// <summary>
    /// Adds Redis for the leases: without password and TLS, on the loopback interface only, as <c>components/lockstore.yaml</c> expects.
    /// </summary>
    public static IResourceBuilder<IResourceWithEndpoints> AddLockStore(this IDistributedApplicationBuilder builder, Settings settings, bool containers) =>
        containers ? builder.Container(settings) : builder.Executable(settings);

    /// <summary>Has a replica keep balances in it too. It does not wait for it: the database is there.</summary>
    public static IResourceBuilder<ProjectResource> WithBalanceCache(
        this IResourceBuilder<ProjectResource> api, IResourceBuilder<IResourceWithEndpoints> redis) => api.WithEnvironment(
            "ConnectionStrings__points-cache", ReferenceExpression.Create($"{redis.GetEndpoint(EndpointName).Property(EndpointProperty.HostAndPort)}"));

#pragma warning disable ASPIRECERTIFICATES001 // Experimental, but the only way to disable TLS where a development certificate is trusted.
    private static IResourceBuilder<RedisResource> Container(this IDistributedApplicationBuilder builder, Settings settings)
    {
        settings.Parts[Name] = "Redis (container)";
        return builder.AddRedis(Name).WithPassword(null).WithoutHttpsCertificate().WithDataVolume(settings.VolumeFor(Name)).KeepRunning();
    }
#pragma warning restore ASPIRECERTIFICATES001

    private static IResourceBuilder<ExecutableResource> Executable(this IDistributedApplicationBuilder builder, Settings settings)
    {
        var server = new RedisServer(settings.Redis, Path.Combine(settings.Data, Name));
        settings.Parts[Name] = server.Description;
        var spec = server.Spec();
        builder.Services.AddHealthChecks().AddAsyncCheck(
            Name, async cancellationToken => await server.ProbeAsync(cancellationToken) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
        return builder.AddExecutable(Name, spec.FileName, spec.WorkingDirectory!, [.. spec.ArgumentsWithoutGuard])
            .WithEndpoint(port: server.Port, scheme: "tcp", name: EndpointName, isProxied: false)
            .WithHealthCheck(Name)
            .WithIconName("Memory")
            .KeepRunning();
    }
}
