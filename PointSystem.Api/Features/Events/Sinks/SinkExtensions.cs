using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Events.Sinks;

internal static class SinkExtensions
{
    /// <summary>Adds the sinks that are configured.</summary>
    public static void AddEventSinks(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<SinkOptions>().BindConfiguration(SinkOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<SinkOptions>, SinkOptionsValidator>();
        if (!string.IsNullOrEmpty(builder.Configuration.GetConnectionString(RabbitMqSink.ConnectionName)))
        {
            builder.AddRabbitMQClient(
                RabbitMqSink.ConnectionName,
                settings =>
                {
                    // The sink tries again by itself, and without a broker this service is as healthy as with one.
                    settings.MaxConnectRetryCount = 0;
                    settings.DisableHealthChecks = true;
                },
                factory =>
                {
                    factory.RequestedConnectionTimeout = TimeSpan.FromSeconds(5);
                    factory.NetworkRecoveryInterval = TimeSpan.FromSeconds(1);
                });
            services.AddSingleton<IEventSink, RabbitMqSink>();
        }

        // Read as text: a value that cannot be converted is reported with all others, at the start.
        var section = builder.Configuration.GetSection(SinkOptions.SectionName);
        if (!string.IsNullOrEmpty(section[$"{nameof(SinkOptions.Kafka)}:{nameof(KafkaOptions.BootstrapServers)}"]))
        {
            services.AddSingleton<IEventSink, KafkaSink>();
        }

        if (!string.IsNullOrEmpty(section[$"{nameof(SinkOptions.Dapr)}:{nameof(DaprPubSubOptions.PubSub)}"]))
        {
            services.AddSingleton<IEventSink, DaprSink>();
        }

        services.AddSingleton<SinkStore>();
        services.AddSingleton<SinkMetrics>();
        services.AddHostedService<SinkJob>();
    }
}
