using System.Collections.Concurrent;
using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Many callers that use, accumulate, cancel and transfer the points of a few members at once, over all replicas or through gateways, and then do the accounts: what was
/// answered must be what is stored, once each.
/// </summary>
internal sealed class Crowd : IDisposable
{
    private const int Callers = 24;
    private const long Start = 100_000;

    private readonly LocalCluster _cluster;
    private readonly PatientClient _client;
    private readonly long[] _members = [.. Enumerable.Range(0, 4).Select(_ => PointsClient.NewMember())];
    private readonly ConcurrentDictionary<long, long> _balances = new();
    private readonly ConcurrentQueue<(long Member, string Usage, long Left)> _usages = new();
    private readonly ConcurrentDictionary<string, string> _seen = new();
    private int _uses;
    private int _done;

    /// <param name="cluster">What the accounts are held against.</param>
    /// <param name="urls">Where requests go; null for the replicas themselves.</param>
    public Crowd(LocalCluster cluster, IEnumerable<Uri>? urls = null)
    {
        _cluster = cluster;
        _client = urls is null ? new PatientClient(cluster) : new PatientClient(urls);
    }

    public int Repeated => _client.Repeated;

    /// <summary>Requests that had their final answer.</summary>
    public int Done => Volatile.Read(ref _done);

    /// <summary>Lets the crowd send so many requests while something else happens, and waits for all answers.</summary>
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

    /// <summary>Holds what was answered against what is stored.</summary>
    public async Task AssertAccountsAsync()
    {
        await Journal.AssertInOrderAsync(_cluster.ConnectionString, _members);
        Assert.Equal(_uses, await Books.CountAsync(_cluster.ConnectionString, "SELECT count(*) FROM point_usages WHERE member_id = ANY ($1)", (object)_members));
        foreach (var member in _members)
        {
            Assert.Equal(_balances[member], await Books.CountAsync(_cluster.ConnectionString, "SELECT balance FROM member_wallets WHERE member_id = $1", member));
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
                var usage = (await _client.SendAsync(caller, (client, key) => client.UseAsync(member, $"O{caller}", amount, key))).Expect(HttpStatusCode.Created);
                Once(usage);
                Interlocked.Increment(ref _uses);
                Change(member, -amount);
                _usages.Enqueue((member, usage.TextOf("pointKey"), amount));
                break;
            case < 7:
                Once((await _client.SendAsync(caller, (client, key) => client.AccumulateAsync(member, amount, idempotencyKey: key))).Expect(HttpStatusCode.Created));
                Change(member, amount);
                break;
            case < 9:
                await CancelAsync(random, caller);
                break;
            default:
                var other = _members[(Array.IndexOf(_members, member) + 1 + random.Next(_members.Length - 1)) % _members.Length];
                Once((await _client.SendAsync(caller, (client, key) => client.TransferAsync(member, other, amount, key))).Expect(HttpStatusCode.Created));
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
        Once((await _client.SendAsync(caller, (client, key) => client.CancelUsageAsync(usage.Usage, part, key))).Expect(HttpStatusCode.OK));
        Change(usage.Member, part);
        if (part < usage.Left)
        {
            _usages.Enqueue(usage with { Left = usage.Left - part });
        }
    }

    // Two requests never get one answer.
    private void Once(Answer answer) => Assert.True(_seen.TryAdd(answer.TextOf("pointKey"), answer.Text), $"Answered twice: {answer.Text}");

    private void Change(long member, long by) => _balances.AddOrUpdate(member, by, (_, balance) => balance + by);
}
