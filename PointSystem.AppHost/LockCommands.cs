using System.Net.Http.Headers;
using System.Net.Http.Json;

namespace PointSystem.AppHost;

/// <summary>Commands in the dashboard that change how members are locked, by the same endpoint that an administrator uses.</summary>
internal static class LockCommands
{
    private static readonly (string Key, string Value, string Text)[] Choices =
    [
        ("LOCKING_MODE", "distributed", "Lock mode: distributed"),
        ("LOCKING_MODE", "adaptive", "Lock mode: adaptive"),
        ("LOCKING_MODE", "row", "Lock mode: row"),
        ("LOCKING_CANARY_PERCENT", "10", "Canary: 10 % of the members"),
        ("LOCKING_CANARY_PERCENT", "50", "Canary: 50 % of the members"),
        ("LOCKING_CANARY_PERCENT", "100", "Canary: all members"),
    ];

    public static IResourceBuilder<ExecutableResource> WithLockCommands(this IResourceBuilder<ExecutableResource> gateway, IResourceBuilder<ParameterResource> adminToken)
    {
        foreach (var (key, value, text) in Choices)
        {
            gateway.WithHttpCommand($"/api/admin/points/config/{key}", text, endpointName: "http", commandName: $"{key}-{value}".ToLowerInvariant().Replace('_', '-'), commandOptions: new HttpCommandOptions
            {
                Description = $"Sets {key} to {value} on every replica; in force a second later.",
                Method = HttpMethod.Put,
                ResultMode = HttpCommandResultMode.Json,
                PrepareRequest = async context =>
                {
                    context.Request.Content = JsonContent.Create(new { configValue = value });
                    context.Request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await adminToken.Resource.GetValueAsync(context.CancellationToken));
                },
            });
        }
        return gateway;
    }
}
