using PointSystem.Local.Gateway;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

/// <summary>The one URL for callers: PointSystem.Local's gateway as a process of its own, which finds the replicas by service discovery.</summary>
internal static class Gateway
{
    public static IResourceBuilder<ExecutableResource> AddGateway(this IDistributedApplicationBuilder builder, Settings settings)
    {
        var port = settings.Cluster.Port == 0 ? Ports.Next() : settings.Cluster.Port;
        return builder
            .AddExecutable("gateway", DotnetHost.Path, AppContext.BaseDirectory, [.. DotnetHost.Verb(GatewayCommand.Name, "--port", $"{port}")])
            .WithHttpEndpoint(port: port, isProxied: false)
            .WithHttpHealthCheck("/health/ready")
            .WithUrlForEndpoint("http", endpoint => new ResourceUrlAnnotation { Url = $"{endpoint.Url}/scalar", DisplayText = "API page" })
            .WithOtlpExporter();
    }

    public static IResourceBuilder<ExecutableResource> WithReplicas(
        this IResourceBuilder<ExecutableResource> gateway, IEnumerable<IResourceBuilder<ProjectResource>> replicas)
    {
        foreach (var replica in replicas)
        {
            gateway.WithReference(replica).WaitFor(replica);
        }
        return gateway;
    }
}
