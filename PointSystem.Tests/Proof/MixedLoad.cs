using System.Collections.Concurrent;
using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Many callers that use, accumulate, cancel and transfer points of a few members concurrently, over all replicas or through gateways. At
/// the end the stored rows must equal the answers, each applied once.
/// </summary>
internal sealed class MixedLoad : IDisposable
{
    private const int Callers = 24;
    private const long Start = 100_000;

    private readonly LocalCluster _cluster;
    private readonly RetryingClient _client;
    private readonly long[] _members = [.. Enumerable.Range(0, 4).Select(_ => PointsClient.NewMember())];
    private readonly ConcurrentDictionary<long, long> _balances = new();
    private readonly ConcurrentQueue<(long Member, string Usage, long Left)> _usages = new();
    private readonly ConcurrentDictionary<string, string> _seen = new();
    private int _uses;
    private int _done;

    /// <param name="cluster">The replicas, and the database that the stored rows are read from.</param>
    /// <param name="urls">Where requests go; null for the replicas themselves.</param>
    public MixedLoad(LocalCluster cluster, IEnumerable<Uri>? urls = null)
    {
        _cluster = cluster;
        _client = urls is null ? new RetryingClient(cluster) : new RetryingClient(urls);
    }

    public IReadOnlyList<long> Members => _members;

    public int Repeated => _client.Repeated;

    /// <summary>Number of requests with a final answer.</summary>
    public int Done => Volatile.Read(ref _done);

    /// <summary>Sends that many requests while <paramref name="meanwhile"/> runs, and waits for all answers.</summary>
    public async Task RunAsync(int requests, Func<Task> meanwhile)
    {
        foreach (var member in _members)
        {
            (await _client.SendAsync(0, (client, key) => client.AccumulateAsync(member, Start, idempotencyKey: key))).Expect(HttpStatusCode.Created);
            _balances[member] = Start;
        }
        var next = 0;
        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            while (Interlocked.Increment(ref next) <= requests)
            {
                await StepAsync(random, caller);
                Interlocked.Increment(ref _done);
            }
        })).ToList();
        await meanwhile();
        await Task.WhenAll(callers);
    }

    /// <summary>Compares the answers with the stored rows.</summary>
    public async Task AssertStoredAsync()
    {
        await LedgerReplay.AssertStoredAsync(_cluster.ConnectionString, _members);
        Assert.Equal(_uses, await Books.UsagesAsync(_cluster.ConnectionString, _members));
        foreach (var member in _members)
        {
            Assert.Equal(_balances[member], await Books.BalanceAsync(_cluster.ConnectionString, member));
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task StepAsync(Random random, int caller)
    {
        var member = _members[random.Next(_members.Length)];
        var amount = random.Next(1, 30);
        switch (random.Next(10))
        {
            case < 5:
                var usage = await SendAsync(caller, (client, key) => client.UseAsync(member, $"O{caller}", amount, key));
                AssertUnique(usage);
                Interlocked.Increment(ref _uses);
                Change(member, -amount);
                _usages.Enqueue((member, usage.TextOf("pointKey"), amount));
                break;
            case < 7:
                AssertUnique(await SendAsync(caller, (client, key) => client.AccumulateAsync(member, amount, idempotencyKey: key)));
                Change(member, amount);
                break;
            case < 9:
                await CancelAsync(random, caller);
                break;
            default:
                var other = _members[(Array.IndexOf(_members, member) + 1 + random.Next(_members.Length - 1)) % _members.Length];
                AssertUnique(await SendAsync(caller, (client, key) => client.TransferAsync(member, other, amount, key)));
                Change(member, -amount);
                Change(other, amount);
                break;
        }
    }

    private async Task CancelAsync(Random random, int caller)
    {
        if (!_usages.TryDequeue(out var usage))
        {
            return;
        }
        var part = random.Next(1, (int)usage.Left + 1);
        AssertUnique(await SendAsync(caller, (client, key) => client.CancelUsageAsync(usage.Usage, part, key), HttpStatusCode.OK));
        Change(usage.Member, part);
        if (part < usage.Left)
        {
            _usages.Enqueue(usage with { Left = usage.Left - part });
        }
    }

    private async Task<Answer> SendAsync(
        int caller, Func<PointsClient, string, Task<Answer>> send, HttpStatusCode expected = HttpStatusCode.Created) =>
        (await _client.SendAsync(caller, send)).Expect(expected);

    // Two requests never get the same answer.
    private void AssertUnique(Answer answer) => Assert.True(_seen.TryAdd(answer.TextOf("pointKey"), answer.Text), $"Answered twice: {answer.Text}");

    private void Change(long member, long by) => _balances.AddOrUpdate(member, by, (_, balance) => balance + by);
}
