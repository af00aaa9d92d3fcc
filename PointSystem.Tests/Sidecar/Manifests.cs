using System.Text.Json;

namespace PointSystem.Tests.Sidecar;

/// <summary>Resource files for the sidecars of these tests.</summary>
internal static class Manifests
{
    /// <summary>The files of the repository's components folder.</summary>
    public static IEnumerable<string> OfRepository() =>
        Directory.GetFiles(Path.Combine(BuildOutputs.Repository, "components"), "*.yaml").Select(File.ReadAllText);

    /// <summary>A lock store component, by default on the Redis of <c>REDIS_HOST</c>.</summary>
    /// <param name="name">The store's name.</param>
    /// <param name="keyPrefix">The key prefix; null omits it.</param>
    /// <param name="ignoreErrors">Whether the sidecar may run without the store.</param>
    /// <param name="timeout">The timeout for connecting, reading and writing.</param>
    /// <param name="scope">The only app that may use it; null for every app.</param>
    /// <param name="type">The component type.</param>
    /// <param name="redisHost">The address of Redis; null for that of <c>REDIS_HOST</c>.</param>
    /// <param name="more">More metadata items, as <c>name: value</c>.</param>
    public static string LockStore(
        string name = "lockstore", string? keyPrefix = null, bool ignoreErrors = false, string timeout = "10s", string? scope = null,
        string type = "lock.redis", string? redisHost = null, params (string Name, string Value)[] more) =>
        $$"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: {{name}}
        spec:
          type: {{type}}
          version: v1
          ignoreErrors: {{(ignoreErrors ? "true" : "false")}}
          metadata:
            - name: redisHost
              {{(redisHost is null ? "envRef: REDIS_HOST" : $"value: {redisHost}")}}
            - name: redisMaxRetries
              value: "-1"
            - name: dialTimeout
              value: {{timeout}}
            - name: readTimeout
              value: {{timeout}}
            - name: writeTimeout
              value: {{timeout}}
        {{(keyPrefix is null ? "" : $"    - name: keyPrefix\n      value: {keyPrefix}")}}
        {{string.Join('\n', more.Select(item => $"    - name: {item.Name}\n      value: {JsonSerializer.Serialize(item.Value)}"))}}
        {{(scope is null ? "" : $"scopes:\n  - {scope}")}}
        """;

    /// <summary>A timeout, and a breaker that opens for a second after three failures, on the store <c>lockstore</c>.</summary>
    public const string Resiliency = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata:
          name: locks
        spec:
          policies:
            timeouts:
              short: 3s
            circuitBreakers:
              quick:
                maxRequests: 1
                timeout: 1s
                trip: consecutiveFailures >= 3
          targets:
            components:
              lockstore:
                outbound:
                  timeout: short
                  circuitBreaker: quick
        """;
}
