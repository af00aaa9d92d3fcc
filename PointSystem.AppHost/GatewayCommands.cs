using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace PointSystem.AppHost;

/// <summary>
/// Commands of the gateway in the dashboard: how members are locked, by the endpoint that an administrator uses, and a
/// restart of all replicas.
/// </summary>
internal static class GatewayCommands
{
    private const string Value = "value";

    public static IResourceBuilder<ProjectResource> WithLockCommands(
        this IResourceBuilder<ProjectResource> gateway, IResourceBuilder<ParameterResource> adminToken) => gateway
        .WithConfigCommand("lock-mode", "Set the lock mode", "LOCKING_MODE", "LockClosed", adminToken, new InteractionInput
        {
            Name = Value,
            Label = "Lock mode",
            InputType = InputType.Choice,
            Required = true,
            Value = "distributed",
            Options = [new("distributed", "distributed"), new("adaptive", "adaptive"), new("row", "row")],
        })
        .WithConfigCommand("lock-canary", "Set the canary percentage", "LOCKING_CANARY_PERCENT", "Beaker", adminToken, new InteractionInput
        {
            Name = Value,
            Label = "Percent of the members that go by the lock mode, 0 to 100",
            InputType = InputType.Number,
            Required = true,
            Value = "100",
        });

    /// <summary>
    /// Each replica is stopped in order, started again and waited for, before it is the next one's turn: callers notice nothing.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithRollingRestart(
        this IResourceBuilder<ProjectResource> gateway, IReadOnlyList<IResourceBuilder<ProjectResource>> replicas) => gateway.WithCommand(
        "restart-replicas",
        "Restart replicas one by one",
        async context =>
        {
            var commands = context.Services.GetRequiredService<ResourceCommandService>();
            var notifications = context.Services.GetRequiredService<ResourceNotificationService>();
            foreach (var replica in replicas)
            {
                var result = await commands.ExecuteCommandAsync(replica.Resource, KnownResourceCommands.RestartCommand, context.CancellationToken);
                if (!result.Success)
                {
                    return CommandResults.Failure($"{replica.Resource.Name} could not be restarted; those after it were left alone. {result.Message}");
                }
                await notifications.WaitForResourceHealthyAsync(replica.Resource.Name, WaitBehavior.WaitOnResourceUnavailable, context.CancellationToken);
            }
            return CommandResults.Success($"All {replicas.Count} replicas have been restarted.");
        },
        new CommandOptions { IconName = "ArrowSync", Description = "Restarts each replica when the one before it takes requests again." });

    private static IResourceBuilder<ProjectResource> WithConfigCommand(
        this IResourceBuilder<ProjectResource> gateway,
        string name,
        string text,
        string key,
        string icon,
        IResourceBuilder<ParameterResource> adminToken,
        InteractionInput input) =>
        gateway.WithHttpCommand($"/api/admin/points/config/{key}", text, endpointName: "http", commandName: name, commandOptions: new HttpCommandOptions
        {
            Description = $"Sets {key} on every replica; in force a second later.",
            IconName = icon,
            Method = HttpMethod.Put,
            Arguments = [input],
            ResultMode = HttpCommandResultMode.Json,
            PrepareRequest = async context =>
            {
                context.Request.Content = JsonContent.Create(new { configValue = context.Arguments.GetString(Value) });
                var token = await adminToken.Resource.GetValueAsync(context.CancellationToken);
                context.Request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            },
        });
}
