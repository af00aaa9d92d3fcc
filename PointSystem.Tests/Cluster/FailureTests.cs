using System.Collections.Concurrent;
using System.Net;

namespace PointSystem.Tests.Cluster;

/// <summary>A replica behind the gateway is killed or hangs under load and no request fails. The proof suite does it to the other processes.</summary>
public sealed class FailureTests(AffinityTests.Fixture fixture) : IClassFixture<AffinityTests.Fixture>
{
    private readonly LocalCluster _cluster = fixture.Cluster;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Replica_KilledOrFrozenUnderLoad_LosesNoPointAndFailsNoRequest(bool frozen)
    {
        if (frozen)
        {
            Needs.Signals();
        }
        using var client = new PointsClient(_cluster.GatewayUrl, _cluster.AdminToken);
        var members = await client.CreateMembersAsync(4, 100_000);

        var victim = _cluster.Replicas[1];
        await using var load = new UseLoad(_cluster.GatewayUrl, members);
        await load.UntilAnsweredAsync(100);
        if (frozen)
        {
            victim.Process.Suspend();
        }
        else
        {
            await victim.Process.KillAsync(Token);
        }
        await load.UntilAnsweredAsync(300);
        if (frozen)
        {
            victim.Process.Resume();
        }
        await victim.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
        await load.StopAsync();
        load.Longest.Print();

        // The gateway retries requests with a key, so a replica fails none of them. Each has been applied exactly once.
        Assert.All(load.Answers, answer => Assert.True(answer.Status == HttpStatusCode.Created, $"{(int)answer.Status}: {answer.Text}"));
        var spent = await Books.UsagesAsync(_cluster.ConnectionString, members);
        Assert.Equal(load.Answers.Count, spent);
        await Books.AssertBalancedAsync(_cluster.ConnectionString, members);
    }

    /// <summary>Eight callers that use one point at a time, each request with its own idempotency key.</summary>
    private sealed class UseLoad : IAsyncDisposable
    {
        private readonly ConcurrentQueue<Answer> _answers = new();
        private readonly PointsClient _client;
        private readonly Task _callers;
        private volatile bool _stopping;

        public UseLoad(Uri gateway, long[] members)
        {
            _client = new PointsClient(gateway);
            _callers = Task.WhenAll(Enumerable.Range(0, 8).Select(caller => CallAsync(members[caller % members.Length])));
        }

        public ConcurrentQueue<Answer> Answers => _answers;

        public LongestAnswer Longest { get; } = new();

        public Task UntilAnsweredAsync(int more)
        {
            var goal = _answers.Count + more;
            return Eventually.HoldsAsync(
                () => _answers.Count >= goal || _callers.IsFaulted,
                () => $"Only {_answers.Count} of {goal} requests were answered.");
        }

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

        private async Task CallAsync(long member)
        {
            while (!_stopping)
            {
                var key = Guid.NewGuid().ToString("n");
                _answers.Enqueue(await Longest.OfAsync(() => _client.UseAsync(member, "LOAD", 1, key)));
            }
        }
    }
}
