using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>
/// A client that retries: every request has an Idempotency-Key and is repeated with it, at another replica, until it gets a final answer.
/// </summary>
internal sealed class RetryingClient(IEnumerable<Uri> urls) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMilliseconds(250);

    private readonly List<PointsClient> _replicas = [.. urls.Select(url => new PointsClient(url))];
    private int _repeated;

    /// <summary>A client of the replicas of a cluster.</summary>
    public RetryingClient(LocalCluster cluster)
        : this(cluster.Replicas.Select(replica => replica.Url))
    {
    }

    /// <summary>Number of requests that were repeated, because of a retryable answer or because there was none.</summary>
    public int Repeated => Volatile.Read(ref _repeated);

    /// <summary>Sends a request until it has a final answer. A 500 is final, because a client must not have to retry it.</summary>
    /// <param name="first">The replica that is asked first.</param>
    /// <param name="send">Sends the request with the key.</param>
    /// <param name="spare">A replica that is not asked.</param>
    public async Task<Answer> SendAsync(int first, Func<PointsClient, string, Task<Answer>> send, int? spare = null)
    {
        var replicas = _replicas.Where((_, number) => number != spare).ToList();
        var key = Guid.NewGuid().ToString("n");
        var started = TimeProvider.System.GetTimestamp();
        for (var attempt = 0; ; attempt++)
        {
            string trouble;
            try
            {
                var answer = await send(replicas[(first + attempt) % replicas.Count], key);
                if (answer.Status is not (HttpStatusCode.Locked or HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable))
                {
                    return answer;
                }
                trouble = $"{(int)answer.Status}: {answer.Text}";
                await Task.Delay(answer.RetryAfter < PauseMax ? answer.RetryAfter : PauseMax, Token);
            }
            catch (HttpRequestException e)
            {
                trouble = e.Message;
                await Task.Delay(PauseMax, Token);
            }
            Interlocked.Increment(ref _repeated);
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Limit, $"No final answer after {attempt + 1} attempts: {trouble}");
        }
    }

    public void Dispose() => _replicas.ForEach(client => client.Dispose());
}
