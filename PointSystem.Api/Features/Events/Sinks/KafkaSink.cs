using System.Text.Json;
using Confluent.Kafka;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>
/// Publishes to a topic of Kafka with an idempotent producer, which keeps the order of each partition by itself, and so that of each member. No event
/// is given up before another: after a failure the producer is replaced, and with it everything that it had not sent.
/// </summary>
internal sealed class KafkaSink(IOptions<SinkOptions> options, ILogger<KafkaSink> logger) : IEventSink
{
    private static readonly Headers ContentType = new() { { "content-type", System.Text.Encoding.UTF8.GetBytes(CloudEvent.MediaType) } };
    private readonly KafkaOptions _options = options.Value.Kafka;
    private IProducer<string, byte[]>? _producer;

    public string Name => "kafka";

    public async Task PublishAsync(IReadOnlyList<CloudEvent> events, Action<CloudEvent> confirmed, CancellationToken cancellationToken)
    {
        try
        {
            var producer = _producer ??= Build();
            await Task.WhenAll(events.Select(one => PublishAsync(producer, one, confirmed, cancellationToken)).ToList());
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _producer, null) is { } producer)
        {
            // It waits for its threads.
            await Task.Run(producer.Dispose);
        }
    }

    private async Task PublishAsync(IProducer<string, byte[]> producer, CloudEvent one, Action<CloudEvent> confirmed, CancellationToken cancellationToken)
    {
        await producer.ProduceAsync(_options.Topic, MessageOf(one), cancellationToken);
        confirmed(one);
    }

    private static Message<string, byte[]> MessageOf(CloudEvent one) => new()
    {
        Key = one.PartitionKey,
        Value = JsonSerializer.SerializeToUtf8Bytes(one, PointJsonContext.Wire.CloudEvent),
        Timestamp = new Timestamp(one.Time),
        Headers = ContentType,
    };

    private IProducer<string, byte[]> Build()
    {
        var config = new ProducerConfig(new Dictionary<string, string>(_options.Settings))
        {
            BootstrapServers = _options.BootstrapServers,
            Acks = Acks.All,
            EnableIdempotence = true,

            // An event that is given up while later ones of its partition are sent would come after them when it is published again.
            EnableGaplessGuarantee = true,
            MessageTimeoutMs = 0,
        };
        return new ProducerBuilder<string, byte[]>(config)
            .SetLogHandler((_, line) => logger.Said(line.Message))
            .SetErrorHandler((_, error) => Log(error))
            .Build();
    }

    /// <summary>Most of its errors are attempts to connect, which it repeats by itself.</summary>
    private void Log(Error error)
    {
        if (error.IsFatal || error.Code is ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Authentication)
        {
            logger.Failed(error.Reason);
        }
        else
        {
            logger.Said(error.Reason);
        }
    }
}
