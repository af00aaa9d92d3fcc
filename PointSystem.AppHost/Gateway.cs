namespace PointSystem.AppHost;

/// <summary>The single URL for callers. The gateway finds the replicas by service discovery.</summary>
internal static class Gateway
{
    /// <summary>Name of the resource.</summary>
    public const string Name = "gateway";

    public static IResourceBuilder<ProjectResource> WithGatewayEndpoint(this IResourceBuilder<ProjectResource> gateway, Settings settings) => gateway
        .WithLocalSettings()
        .WithHttpEndpoint(port: settings.Port, isProxied: false)
        .WithExternalHttpEndpoints()
        .WithHttpHealthCheck("/health/ready")
        .WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = ("/scalar", "API page"))
        .WithUrlForEndpoint("http", endpoint => new ResourceUrlAnnotation { Url = $"{endpoint.Url}/health/ready", DisplayText = "Health" });

    public static IResourceBuilder<ProjectResource> WithReplicas(
        this IResourceBuilder<ProjectResource> gateway, IEnumerable<IResourceBuilder<ProjectResource>> replicas)
    {
        foreach (var replica in replicas)
        {
            gateway.WithReference(replica).WaitFor(replica);
        }
        return gateway;
    }
}
