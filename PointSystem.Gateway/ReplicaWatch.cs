using System.Net.Sockets;

namespace PointSystem.Gateway;

/// <summary>Watches one replica through its <c>/health/ready</c>.</summary>
internal sealed class ReplicaWatch(Upstream upstream, TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan IntervalWhileDown = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(750);

    // One slow answer on a busy machine is not an outage. The second question follows at once, so that requests wait for a replica that hangs no
    // longer than 2 s: an interval and two limits.
    private const int MissesUntilHanging = 2;
    private readonly Uri _url = new(upstream.Url, "/health/ready");
    private int _misses;

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var client = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero });
        while (!cancellationToken.IsCancellationRequested)
        {
            var checkRequested = upstream.CheckRequested;
            upstream.Set(await AskAsync(client, cancellationToken));
            if (_misses is > 0 and < MissesUntilHanging)
            {
                continue;
            }
            var wait = upstream.State == UpstreamState.Ready ? Interval : IntervalWhileDown;
            await checkRequested.WaitAsync(wait, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<UpstreamState> AskAsync(HttpMessageInvoker client, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, _url);
            using var response = await client.SendAsync(request, limit.Token);
            _misses = 0;
            return response.IsSuccessStatusCode ? UpstreamState.Ready : UpstreamState.Alive;
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException)
        {
            _misses = 0;
            return UpstreamState.Down;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return upstream.State;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return ++_misses >= MissesUntilHanging ? UpstreamState.Hanging : upstream.State;
        }
    }
}
