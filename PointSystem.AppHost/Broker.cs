using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using PointSystem.Local;
using PointSystem.Local.Processes;
using PointSystem.Local.RabbitMq;

namespace PointSystem.AppHost;

internal static class Broker
{
    /// <summary>Name of the resource, and of the connection string.</summary>
    public const string Name = "rabbitmq";

    /// <summary>The queue with every event.</summary>
    public const string Queue = "points";

    /// <summary>Adds RabbitMQ, if it is wanted.</summary>
    /// <returns>Its address; null if it is not wanted.</returns>
    /// <exception cref="LocalException">It is wanted, and there are neither containers nor rabbitmq-server.</exception>
    public static ReferenceExpression? AddBroker(this IDistributedApplicationBuilder builder, Settings settings, bool containers) =>
        !settings.RabbitMq ? null : containers ? builder.Container(settings) : builder.Executable(settings);

    /// <summary>Has a replica publish every event to RabbitMQ, if there is one. It does not wait for it: points need no broker.</summary>
    public static IResourceBuilder<ProjectResource> WithBroker(this IResourceBuilder<ProjectResource> api, ReferenceExpression? address) => address is null
        ? api
        : api.WithEnvironment($"ConnectionStrings__{Name}", address).WithEnvironment("Events__Sinks__RabbitMq__Queue", Queue);

    private static ReferenceExpression Container(this IDistributedApplicationBuilder builder, Settings settings)
    {
        settings.Parts[Name] = $"RabbitMQ (container), queue {Queue}";

        // The volume accepts only the password that it was created with.
        var password = builder.AddParameter("rabbitmq-password", settings.Secrets.BrokerPassword, secret: true);
        var server = builder.AddRabbitMQ(Name, password: password).WithDataVolume(settings.VolumeFor(Name)).KeepRunning();
        return ReferenceExpression.Create($"{server}");
    }

    private static ReferenceExpression Executable(this IDistributedApplicationBuilder builder, Settings settings)
    {
        var server = RabbitMqServer.Find(Path.Combine(settings.Data, Name))
            ?? throw new LocalException("--rabbitmq needs a container runtime, or rabbitmq-server, which is not installed.");
        settings.Parts[Name] = $"{server.Description}, {server.Address}, queue {Queue}";
        builder.Services.AddHealthChecks().AddAsyncCheck(
            Name, async cancellationToken => await server.ProbeAsync(cancellationToken) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
        var names = builder.Add(server.Names());
        builder.Add(server.Spec())
            .WithEndpoint(port: server.Port, scheme: "tcp", name: "tcp", isProxied: false)
            .WithHealthCheck(Name)
            .WithIconName("Mailbox")
            .WaitForStart(names);
        return ReferenceExpression.Create($"{server.Address}");
    }

    private static IResourceBuilder<ExecutableResource> Add(this IDistributedApplicationBuilder builder, ProcessSpec spec) => builder
        .AddExecutable(spec.Name, spec.FileName, spec.WorkingDirectory!, [.. spec.Arguments])
        .WithEnvironment(context =>
        {
            foreach (var (name, value) in spec.Environment)
            {
                context.EnvironmentVariables[name] = value ?? "";
            }
        })
        .KeepRunning();
}
