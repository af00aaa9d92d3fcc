using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace PointSystem.AppHost;

/// <summary>
/// The gateway's commands in the dashboard: setting the lock mode and the canary through the admin endpoint, and a rolling restart of the
/// replicas.
/// </summary>
internal static class GatewayCommands
{
    private const string Value = "value";

    public static IResourceBuilder<ProjectResource> WithLockCommands(
        this IResourceBuilder<ProjectResource> gateway, Settings settings) => gateway
        .WithConfigCommand("lock-mode", "Set the lock mode", "LOCKING_MODE", "LockClosed", settings, new InteractionInput
        {
            Name = Value,
            Label = "Lock mode",
            InputType = InputType.Choice,
            Required = true,
            Value = "distributed",
            Options = [new("distributed", "distributed"), new("adaptive", "adaptive"), new("row", "row")],
        })
        .WithConfigCommand("lock-canary", "Set the canary percentage", "LOCKING_CANARY_PERCENT", "Beaker", settings, new InteractionInput
        {
            Name = Value,
            Label = "Percentage of members to which the lock mode applies, 0 to 100",
            InputType = InputType.Number,
            Required = true,
            Value = "100",
        });

    /// <summary>
    /// Stops and starts one replica after the other, and waits for each to become healthy before the next: callers notice nothing.
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
                    return CommandResults.Failure($"{replica.Resource.Name} could not be restarted; the replicas after it were not touched. {result.Message}");
                }
                await notifications.WaitForResourceHealthyAsync(replica.Resource.Name, WaitBehavior.WaitOnResourceUnavailable, context.CancellationToken);
            }
            return CommandResults.Success($"All {replicas.Count} replicas have been restarted.");
        },
        new CommandOptions { IconName = "ArrowSync", Description = "Restarts each replica once the one before it accepts requests again." });

    private static IResourceBuilder<ProjectResource> WithConfigCommand(
        this IResourceBuilder<ProjectResource> gateway,
        string name,
        string text,
        string key,
        string icon,
        Settings settings,
        InteractionInput input) =>
        gateway.WithHttpCommand($"/api/admin/points/config/{key}", text, endpointName: "http", commandName: name, commandOptions: new HttpCommandOptions
        {
            Description = $"Sets {key} on every replica; takes effect within a second.",
            IconName = icon,
            Method = HttpMethod.Put,
            Arguments = [input],
            ResultMode = HttpCommandResultMode.Json,
            PrepareRequest = context =>
            {
                context.Request.Content = JsonContent.Create(new { configValue = context.Arguments.GetString(Value) });
                // A token of its own: the printed one may have expired.
                context.Request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", settings.CreateAdminToken(TimeSpan.FromMinutes(1)));
                return Task.CompletedTask;
            },
        });
}
