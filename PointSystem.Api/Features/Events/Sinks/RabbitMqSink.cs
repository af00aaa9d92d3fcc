using System.Text.Json;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>
/// Publishes to a topic exchange of RabbitMQ, persistently and with confirms. Each event waits for the confirm of the one before it of its member: a
/// broker may refuse one message and accept the next.
/// </summary>
/// <remarks>The connection, which opens itself again, comes from Aspire's integration; its first use is the first attempt to publish.</remarks>
internal sealed class RabbitMqSink(IServiceProvider services, IOptions<SinkOptions> options) : IEventSink
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "rabbitmq";

    private readonly SinkOptions _options = options.Value;
    private IChannel? _channel;

    public string Name => "rabbitmq";

    public async Task PublishAsync(IReadOnlyList<CloudEvent> events, Action<CloudEvent> confirmed, CancellationToken cancellationToken)
    {
        try
        {
            var channel = _channel ??= await OpenAsync(cancellationToken);
            await InOrder.PublishAsync(events, _options.Concurrency, (one, token) => PublishAsync(channel, one, token), confirmed, cancellationToken);
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _channel, null) is { } channel)
        {
            await channel.DisposeAsync();
        }
    }

    private async Task PublishAsync(IChannel channel, CloudEvent one, CancellationToken cancellationToken)
    {
        var properties = new BasicProperties
        {
            ContentType = CloudEvent.MediaType,
            DeliveryMode = DeliveryModes.Persistent,
            MessageId = one.Id,
            Type = one.Type,
            AppId = "pointsystem",
            Timestamp = new AmqpTimestamp(one.Time.ToUnixTimeSeconds()),
            Headers = new Dictionary<string, object?> { ["partitionkey"] = one.PartitionKey },
        };
        var body = JsonSerializer.SerializeToUtf8Bytes(one, PointJsonContext.Wire.CloudEvent);
        await channel.BasicPublishAsync(_options.RabbitMq.Exchange, one.Type, mandatory: false, properties, body, cancellationToken);
    }

    private async Task<IChannel> OpenAsync(CancellationToken cancellationToken)
    {
        // Aspire's integration blocks while it connects for the first time.
        var connection = await Task.Run(services.GetRequiredService<IConnection>, cancellationToken).WaitAsync(cancellationToken);
        var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        try
        {
            var (exchange, queue) = (_options.RabbitMq.Exchange, _options.RabbitMq.Queue);
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Topic, durable: true, autoDelete: false, cancellationToken: cancellationToken);
            if (queue is not null)
            {
                await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: cancellationToken);
                await channel.QueueBindAsync(queue, exchange, "#", cancellationToken: cancellationToken);
            }

            return channel;
        }
        catch
        {
            await channel.DisposeAsync();
            throw;
        }
    }
}
