using System.Text.Json;
using Dapr;
using Dapr.Client;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>
/// Publishes through the pub/sub building block of the Dapr sidecar, and so to any broker that Dapr knows. The envelope is ours; Dapr passes it on.
/// </summary>
internal sealed class DaprSink(DaprClient dapr, IOptions<SinkOptions> options) : IEventSink
{
    private readonly SinkOptions _options = options.Value;

    public string Name => "dapr";

    public async Task PublishAsync(IReadOnlyList<CloudEvent> events, Action<CloudEvent> confirmed, CancellationToken cancellationToken)
    {
        try
        {
            await InOrder.PublishAsync(events, _options.Concurrency, PublishAsync, confirmed, cancellationToken);
        }
        catch (DaprException refused) when (refused.InnerException is RpcException { StatusCode: StatusCode.Unimplemented })
        {
            throw new SinkUnsupportedException("this sidecar has no pub/sub, as the stand-in of local runs", refused);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task PublishAsync(CloudEvent one, CancellationToken cancellationToken) => dapr.PublishByteEventAsync(
        _options.Dapr.PubSub!,
        _options.Dapr.Topic,
        JsonSerializer.SerializeToUtf8Bytes(one, PointJsonContext.Wire.CloudEvent),
        CloudEvent.MediaType,

        // For brokers with partitions.
        new Dictionary<string, string> { ["partitionKey"] = one.PartitionKey },
        cancellationToken);
}
