using System.Net;
using System.Net.Sockets;
using Yarp.ReverseProxy.Forwarder;

namespace PointSystem.Gateway;

/// <summary>Keeps the <see cref="ReplicaSet"/> and the state of each replica in it up to date.</summary>
internal sealed class ReplicaWatches(ReplicaSet replicas, TimeProvider clock, ILogger<ReplicaWatches> logger) : BackgroundService
{
    // Kubernetes' name server keeps an answer for 5 s at most; a replica that is gone is noticed by its watch long before.
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
            // What was known goes on to be used.
            logger.NotResolved(fault.Message);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The gateway ends.
        }
    }

    private void Watch(Upstream upstream, CancellationToken cancellationToken)
    {
        upstream.StateChanged += Say;
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _watched.Add(upstream, source);
        _ = new ReplicaWatch(upstream, clock).RunAsync(source.Token);
    }

    private void Say(Upstream changed)
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

    [LoggerMessage(
        EventId = 1303, Level = LogLevel.Warning, Message = "A {Method} was sent to {Replica} and not answered ({Error}: {Reason}); trace {TraceId}")]
    public static partial void Lost(this ILogger logger, string method, string replica, ForwarderError error, string reason, string traceId);
}
