using System.Net;
using System.Net.Sockets;
using Yarp.ReverseProxy.Forwarder;

namespace PointSystem.Gateway;

/// <summary>Keeps the <see cref="ReplicaSet"/> and the state of each replica in it up to date.</summary>
internal sealed class ReplicaWatches(ReplicaSet replicas, TimeProvider clock, ILogger<ReplicaWatches> logger) : BackgroundService
{
    // The name server of Kubernetes caches an answer for at most 5 s; the watch of a replica that is gone notices it long before.
    private static readonly TimeSpan ResolveEvery = TimeSpan.FromSeconds(2);
    private readonly Dictionary<Upstream, CancellationTokenSource> _watched = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var upstream in replicas.Current)
        {
            Watch(upstream, stoppingToken);
        }
        while (replicas.IsResolved && !stoppingToken.IsCancellationRequested)
        {
            await ResolveAsync(stoppingToken);
            await Task.Delay(ResolveEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ResolveAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (added, gone) = await replicas.ResolveAsync(Dns.GetHostAddressesAsync, cancellationToken);
            foreach (var upstream in gone)
            {
                await _watched[upstream].CancelAsync();
                _watched.Remove(upstream);
                upstream.Set(UpstreamState.Down);
            }
            foreach (var upstream in added)
            {
                Watch(upstream, cancellationToken);
            }
        }
        catch (SocketException fault)
        {
            // The replicas that are known stay in use.
            logger.NotResolved(fault.Message);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The gateway shuts down.
        }
    }

    private void Watch(Upstream upstream, CancellationToken cancellationToken)
    {
        upstream.StateChanged += LogState;
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _watched.Add(upstream, source);
        _ = WatchAsync(upstream, source.Token);
    }

    private async Task WatchAsync(Upstream upstream, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await new ReplicaWatch(upstream, clock).RunAsync(cancellationToken);
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                // A replica that nobody watches would stay for ever what it was last.
                logger.WatchEnded(fault, upstream.Name);
                await Task.Delay(ResolveEvery, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void LogState(Upstream changed)
    {
        var sentence = changed.Describe();
        logger.StateChanged(sentence);
    }
}

internal static partial class GatewayLog
{
    [LoggerMessage(EventId = 1301, Level = LogLevel.Information, Message = "{Sentence}")]
    public static partial void StateChanged(this ILogger logger, string sentence);

    [LoggerMessage(EventId = 1302, Level = LogLevel.Warning, Message = "The replicas' names could not be resolved ({Reason}); those known before are used on")]
    public static partial void NotResolved(this ILogger logger, string reason);

    [LoggerMessage(EventId = 1304, Level = LogLevel.Error, Message = "The watch of {Replica} has ended; it is started again")]
    public static partial void WatchEnded(this ILogger logger, Exception exception, string replica);

    [LoggerMessage(
        EventId = 1303, Level = LogLevel.Warning, Message = "A {Method} was sent to {Replica} and not answered ({Error}: {Reason}); trace {TraceId}")]
    public static partial void Lost(this ILogger logger, string method, string replica, ForwarderError error, string reason, string traceId);
}
