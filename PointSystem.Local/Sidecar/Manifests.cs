namespace PointSystem.Local.Sidecar;

/// <summary>The common header of Dapr resource files.</summary>
internal class Manifest
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public ManifestMetadata Metadata { get; set; } = new();

    public List<string> Scopes { get; set; } = [];
}

internal sealed class ManifestMetadata
{
    public string Name { get; set; } = "";

    public string Namespace { get; set; } = "";
}

/// <summary>A file of kind <c>Component</c>.</summary>
internal sealed class ComponentManifest : Manifest
{
    public ComponentSpec Spec { get; set; } = new();

    public ComponentAuth Auth { get; set; } = new();

    /// <summary>The name as it appears in daprd's log.</summary>
    public string LogName => $"{Metadata.Name} ({Spec.Type}/{Spec.Version})";
}

internal sealed class ComponentSpec
{
    public string Type { get; set; } = "";

    public string Version { get; set; } = "";

    public bool IgnoreErrors { get; set; }

    public string InitTimeout { get; set; } = "";

    public List<MetadataItem> Metadata { get; set; } = [];
}

internal sealed class ComponentAuth
{
    public string SecretStore { get; set; } = "";
}

internal sealed class MetadataItem
{
    public string Name { get; set; } = "";

    public string? Value { get; set; }

    public string EnvRef { get; set; } = "";

    public SecretKeyRef SecretKeyRef { get; set; } = new();
}

internal sealed class SecretKeyRef
{
    public string Name { get; set; } = "";

    public string Key { get; set; } = "";
}

/// <summary>A file of kind <c>Resiliency</c>; only the policies for components' outbound calls are read.</summary>
internal sealed class ResiliencyManifest : Manifest
{
    public ResiliencySpec Spec { get; set; } = new();
}

internal sealed class ResiliencySpec
{
    public ResiliencyPolicies Policies { get; set; } = new();

    public ResiliencyTargets Targets { get; set; } = new();
}

internal sealed class ResiliencyPolicies
{
    public Dictionary<string, string> Timeouts { get; set; } = [];

    public Dictionary<string, BreakerManifest> CircuitBreakers { get; set; } = [];
}

internal sealed class BreakerManifest
{
    public int MaxRequests { get; set; }

    public string Interval { get; set; } = "";

    public string Timeout { get; set; } = "";

    public string Trip { get; set; } = "";
}

internal sealed class ResiliencyTargets
{
    public Dictionary<string, ComponentPolicies> Components { get; set; } = [];
}

internal sealed class ComponentPolicies
{
    public PolicyNames Outbound { get; set; } = new();
}

internal sealed class PolicyNames
{
    public string Timeout { get; set; } = "";

    public string Retry { get; set; } = "";

    public string CircuitBreaker { get; set; } = "";
}
