using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>
/// A client as it should be: every request has an Idempotency-Key, and is repeated with it, elsewhere, until somebody gives a final answer.
/// </summary>
internal sealed class PatientClient(IEnumerable<Uri> urls) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMilliseconds(250);

    private readonly List<PointsClient> _replicas = [.. urls.Select(url => new PointsClient(url))];
    private int _repeated;

    /// <summary>Of the replicas of a cluster.</summary>
    public PatientClient(LocalCluster cluster)
        : this(cluster.Replicas.Select(replica => replica.Url))
    {
    }

    /// <summary>Requests that had to be sent again, because of the answers below or because there was none.</summary>
    public int Repeated => Volatile.Read(ref _repeated);

    /// <summary>The final answer. A 500 is one: nobody should have to repeat after that.</summary>
    /// <param name="first">Which replica is asked first.</param>
    /// <param name="send">Sends the request with the key.</param>
    /// <param name="spare">Which replica is not asked.</param>
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
                await Task.Delay(answer.RetryAfter < PauseMax ? answer.RetryAfter : PauseMax, TestContext.Current.CancellationToken);
            }
            catch (HttpRequestException e)
            {
                trouble = e.Message;
                await Task.Delay(PauseMax, TestContext.Current.CancellationToken);
            }
            Interlocked.Increment(ref _repeated);
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"No final answer after {attempt + 1} attempts: {trouble}");
        }
    }

    public void Dispose() => _replicas.ForEach(client => client.Dispose());
}
