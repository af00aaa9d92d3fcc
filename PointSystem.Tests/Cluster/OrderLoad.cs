using System.Collections.Concurrent;
using System.Net;

namespace PointSystem.Tests.Cluster;

/// <summary>
/// Callers that use one point at a time. Every order has its own number, and every second one an idempotency key. A caller that gets no answer
/// does not repeat the request: it stops.
/// </summary>
internal sealed class OrderLoad : IAsyncDisposable
{
    private readonly PointsClient _client;
    private readonly long[] _members;
    private readonly TimeSpan _pause;
    private readonly Task _callers;
    private volatile bool _stopping;
    private int _orders;

    /// <param name="address">Where the orders are sent.</param>
    /// <param name="members">Who uses points, caller by caller.</param>
    /// <param name="callers">How many at a time.</param>
    /// <param name="pause">Of each caller after an answer: a load that takes every processor leaves none to the processes that start.</param>
    public OrderLoad(Uri address, long[] members, int callers, TimeSpan pause = default)
    {
        _pause = pause;
        _client = new PointsClient(address);
        _members = members;
        _callers = Task.WhenAll(Enumerable.Range(0, callers).Select(CallAsync));
    }

    /// <summary>Orders that were accepted.</summary>
    public ConcurrentQueue<string> Answered { get; } = new();

    /// <summary>Orders that were refused or failed, with their answer.</summary>
    public ConcurrentQueue<string> Failed { get; } = new();

    /// <summary>Orders without an answer, with the reason.</summary>
    public ConcurrentQueue<string> Unanswered { get; } = new();

    public Task UntilAnsweredAsync(int more)
    {
        var goal = Answered.Count + more;
        return Eventually.HoldsAsync(
            () => Answered.Count >= goal || _callers.IsCompleted,
            () => $"Only {Answered.Count} of {goal} orders were answered; failed: {Failed.FirstOrDefault()}; unanswered: {Unanswered.FirstOrDefault()}");
    }

    /// <summary>Waits until every caller has stopped because it got no answer.</summary>
    public Task AllStoppedAsync() => _callers;

    public Task StopAsync()
    {
        _stopping = true;
        return _callers;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
    }

    private async Task CallAsync(int caller)
    {
        var member = _members[caller % _members.Length];
        while (!_stopping)
        {
            var number = Interlocked.Increment(ref _orders);
            var order = $"O-{number}";
            try
            {
                var answer = await _client.UseAsync(member, order, 1, number % 2 == 0 ? Guid.NewGuid().ToString("n") : null);
                if (answer.Status == HttpStatusCode.Created)
                {
                    Answered.Enqueue(order);
                }
                else
                {
                    Failed.Enqueue($"{order}: {(int)answer.Status} {answer.Text}");
                }
            }
            catch (HttpRequestException none)
            {
                Unanswered.Enqueue($"{order}: {none.HttpRequestError} {none.Message}");
                return;
            }
            if (_pause > TimeSpan.Zero)
            {
                await Task.Delay(_pause, Token);
            }
        }
    }
}
