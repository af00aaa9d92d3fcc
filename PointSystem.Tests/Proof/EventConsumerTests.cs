namespace PointSystem.Tests.Proof;

/// <summary>
/// An idempotent consumer of the event feed, while sessions are terminated, a replica is killed and the consumer itself crashes: every operation has
/// one effect, none is missing, and those of a member are in order.
/// </summary>
[Collection(ProofTests.Name)]
public sealed class EventConsumerTests(ProofCluster proof)
{
    private static readonly int Requests = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_FULL") == "1" ? 1_500 : 600;

    private const string Ledger =
        """
        SELECT e.member_id || '-' || coalesce(
            (SELECT last_sequence FROM usage_cancellations AS c WHERE c.member_id = e.member_id AND c.point_key = e.point_key),
            (SELECT max(sequence) FROM point_ledger_entries AS g WHERE g.member_id = e.member_id AND g.group_sequence = e.sequence))
        FROM point_ledger_entries AS e
        WHERE sequence = group_sequence AND member_id = ANY ($1) AND NOT EXISTS (
            SELECT FROM point_ledger_entries AS p
            WHERE p.member_id = e.member_id AND p.sequence = e.sequence - 1 AND p.point_key = e.point_key AND e.kind = 'REGRANT')
        ORDER BY member_id, sequence
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Consumer_WhileEverythingDies_HasEveryOperationOnceAndInOrder(int seed)
    {
        await proof.ReadyAsync();
        using var load = new MixedLoad(proof.Cluster);
        var received = new ReceivedEvents();
        using var consumer = new FeedConsumer(
            [proof.Cluster.GatewayUrl, .. proof.Cluster.Replicas.Select(replica => replica.Url)], proof.Cluster.AdminToken, received.Add) { StoreEvery = 50 };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var consuming = consumer.RunAsync(stop.Token);
        var random = new Random(seed);

        await load.RunAsync(Requests, async () =>
        {
            while (load.Done < Requests * 4 / 5)
            {
                await BreakAsync(consumer, random);
                var done = load.Done;
                await Eventually.HoldsAsync(() => load.Done >= Math.Min(done + 40, Requests), "the load goes on");
            }
        });
        await load.AssertStoredAsync();
        var expected = await Books.TextsAsync(proof.Database, Ledger, (object)load.Members.ToArray());
        await Eventually.HoldsAsync(() => expected.Except(received.All.Select(one => one.Id)).FirstOrDefault() is null, "all events have arrived");
        await stop.CancelAsync();
        await consuming;

        Assert.Empty(received.OutOfOrder);
        Assert.True(consumer.Connections > 1, "The consumer was never disconnected.");
        var ofSubject = received.All.ToLookup(one => one.Subject);
        foreach (var member in load.Members)
        {
            var events = ofSubject[$"{member}"].ToList();
            Assert.Equal(expected.Where(id => id.StartsWith($"{member}-", StringComparison.Ordinal)), events.Select(one => one.Id));
            var balance = 0L;
            Assert.All(events, one => Assert.Equal(balance += one.Amount, one.BalanceAfter));
            Assert.Equal(await Books.BalanceAsync(proof.Database, member), balance);
        }
    }

    private async Task BreakAsync(FeedConsumer consumer, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                consumer.Crash();
                break;
            case 1:
                await proof.Cluster.Replicas[random.Next(3)].Process.KillAsync(Token);
                break;
            default:
                await Books.TextsAsync(
                    proof.Database,
                    "WITH sessions AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE application_name = 'pointsystem-api' AND pid % 3 = $1"
                        + " AND pid <> pg_backend_pid()) SELECT pg_terminate_backend(pid)::text FROM sessions",
                    random.Next(3));
                break;
        }
    }
}
