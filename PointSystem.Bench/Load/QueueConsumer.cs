using PointSystem.TestKit;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace PointSystem.Bench.Load;

/// <summary>
/// An idempotent consumer of a queue of RabbitMQ: it acknowledges an event when it has kept it, connects again whenever the connection ends, and
/// ignores ids that it knows.
/// </summary>
internal sealed class QueueConsumer(string address, string queue)
{
    private const ushort Unacknowledged = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private volatile CancellationTokenSource? _current;

    /// <summary>What has arrived.</summary>
    public ReceivedEvents Events { get; } = new();

    /// <summary>Number of connections.</summary>
    public int Connections { get; private set; }

    /// <summary>Loses the connection and everything that is not acknowledged, like a consumer that is killed.</summary>
    public void Crash() => _current?.Cancel();

    /// <summary>Consumes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory { Uri = new Uri(address), AutomaticRecoveryEnabled = false };
        while (!cancellationToken.IsCancellationRequested)
        {
            using var current = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _current = current;
            try
            {
                await ReadAsync(factory, current.Token);
            }
            catch (Exception e) when (e is BrokerUnreachableException or OperationInterruptedException or AlreadyClosedException or IOException
                or OperationCanceledException)
            {
                // The broker has gone, the queue is not there yet, or the consumer has "crashed".
            }

            _current = null;
            await Task.Delay(Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(ConnectionFactory factory, CancellationToken cancellationToken)
    {
        await using var connection = await factory.CreateConnectionAsync(cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        Connections++;
        await channel.BasicQosAsync(0, Unacknowledged, global: false, cancellationToken);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var cancelled = cancellationToken.Register(() => ended.TrySetCanceled(cancellationToken));
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ShutdownAsync += (_, _) =>
        {
            ended.TrySetResult();
            return Task.CompletedTask;
        };
        consumer.ReceivedAsync += async (_, message) =>
        {
            // Whoever has crashed does nothing more.
            cancellationToken.ThrowIfCancellationRequested();
            Events.Add(message.Body.Span);
            await channel.BasicAckAsync(message.DeliveryTag, multiple: false, cancellationToken);
        };
        await channel.BasicConsumeAsync(queue, autoAck: false, consumer, cancellationToken);
        await ended.Task;
    }
}
