namespace PointSystem.Local.Sidecar;

/// <summary>
/// Resolves a component's metadata into plain properties: literal values, <c>envRef</c>, <c>secretKeyRef</c>, placeholders.
/// </summary>
internal sealed class ComponentProperties(string appId, IReadOnlyList<ComponentManifest> components, Func<string, string?> environment)
{
    private const string EnvironmentStore = "secretstores.local.env";

    /// <summary>The component's properties by case-insensitive name.</summary>
    /// <exception cref="ComponentInitException">It refers to a secret store that this program does not support.</exception>
    public IReadOnlyDictionary<string, string> Resolve(ComponentManifest component)
    {
        var properties = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var item in component.Spec.Metadata)
        {
            properties[item.Name] = Fill(item.Name, Value(component, item));
        }
        return properties;
    }

    private string Value(ComponentManifest component, MetadataItem item)
    {
        if (item.Value is not null)
        {
            return item.Value;
        }
        if (item.EnvRef.Length > 0)
        {
            return Allowed(item.EnvRef) ? environment(item.EnvRef) ?? "" : "";
        }
        if (item.SecretKeyRef.Name.Length == 0)
        {
            return "";
        }
        if (!components.Any(c => c.Spec.Type == EnvironmentStore && c.Metadata.Name == component.Auth.SecretStore))
        {
            throw new ComponentInitException(
                $"{item.Name} refers to the secret store '{component.Auth.SecretStore}'; only {EnvironmentStore} is supported here (or use envRef)");
        }
        // The store presents each variable as a secret with one key, the variable's own name.
        var key = item.SecretKeyRef.Key is { Length: > 0 } given ? given : item.SecretKeyRef.Name;
        return key == item.SecretKeyRef.Name && Allowed(key) ? environment(key) ?? "" : "";
    }

    private string Fill(string name, string value)
    {
        if (value.Contains("{podName}", StringComparison.Ordinal))
        {
            throw new ComponentInitException($"property {name} refers to {{podName}} but podName is not set");
        }
        while (value.IndexOf("{uuid}", StringComparison.Ordinal) is >= 0 and var at)
        {
            value = $"{value[..at]}{Guid.NewGuid()}{value[(at + 6)..]}";
        }
        return value
            .Replace("{namespace}", (environment("NAMESPACE") is { Length: > 0 } ns ? ns : "default") + "." + appId, StringComparison.Ordinal)
            .Replace("{appID}", appId, StringComparison.Ordinal);
    }

    // Like daprd, this hides Dapr's own credentials and the app's API token from components.
    private static bool Allowed(string variable) =>
        !variable.Equals("APP_API_TOKEN", StringComparison.OrdinalIgnoreCase)
        && !variable.StartsWith("DAPR_", StringComparison.OrdinalIgnoreCase)
        && !variable.Contains(' ', StringComparison.Ordinal);
}
