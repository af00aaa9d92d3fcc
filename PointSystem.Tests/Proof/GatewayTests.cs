using System.Net;
using PointSystem.Gateway;
using PointSystem.Tests.Gateway;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Through two gateways that disagree about which replicas are ready, and change their minds: a member's requests meet at different replicas at the same
/// time, which is what the locks are for. The ledger is correct, with affinity and without.
/// </summary>
[Collection(ProofTests.Name)]
public sealed class GatewayTests(ProofCluster proof)
{
    private const int Requests = 1_200;
    private const int Uses = 2_000;
    private const int Callers = 100;

    [Theory]
    [InlineData("distributed", "None")]
    [InlineData("adaptive", "Member")]
    [InlineData("row", "None")]
    public async Task MixedLoad_ThroughGatewaysThatDisagree_StoredRowsEqualTheAnswers(string mode, string affinity)
    {
        await proof.ReadyAsync();
        await proof.SetAsync("LOCKING_MODE", mode);
        await using var gateways = await Gateways.StartAsync(proof.Cluster, affinity);
        using var load = new MixedLoad(proof.Cluster, gateways.Urls);
        await load.RunAsync(Requests, () => gateways.DisagreeUntilAsync(() => load.Done >= Requests));
        await load.AssertStoredAsync();
    }

    [Theory]
    [InlineData("Member")]
    [InlineData("None")]
    public async Task HotMember_ThroughGatewaysThatDisagree_AllSucceedOnce(string affinity)
    {
        await proof.ReadyAsync();
        await using var gateways = await Gateways.StartAsync(proof.Cluster, affinity);
        var member = await proof.MemberAsync(Uses);
        using var client = new RetryingClient(gateways.Urls);
        var (next, done) = (0, 0);
        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            int number;
            while ((number = Interlocked.Increment(ref next)) <= Uses)
            {
                (await client.SendAsync(caller, (gateway, key) => gateway.UseAsync(member, $"A{number}", 1, key))).Expect(HttpStatusCode.Created);
                Interlocked.Increment(ref done);
            }
        })).ToList();
        await gateways.DisagreeUntilAsync(() => Volatile.Read(ref done) >= Uses || callers.Exists(caller => caller.IsFaulted));
        await Task.WhenAll(callers);

        Assert.Equal(0, await Books.CountAsync(proof.Database, "SELECT balance FROM member_wallets WHERE member_id = $1", member));
        Assert.Equal(Uses, await Books.CountAsync(proof.Database, "SELECT count(DISTINCT order_number) FROM point_usages WHERE member_id = $1", member));
        Assert.Equal(Uses + 1, await Books.CountAsync(proof.Database, "SELECT max(sequence) FROM point_ledger_entries WHERE member_id = $1", member));
        await LedgerReplay.AssertStoredAsync(proof.Database, member);
    }

    private sealed class Gateways(RunningGateway one, RunningGateway two) : IAsyncDisposable
    {
        private readonly Random _random = new(20_261_126);

        public IReadOnlyList<Uri> Urls => [one.Url, two.Url];

        /// <summary>One takes the first replica for down, the other the last.</summary>
        public static async Task<Gateways> StartAsync(LocalCluster cluster, string affinity)
        {
            var setting = $"--Gateway:Affinity={affinity}";
            var gateways = new Gateways(await RunningGateway.StartAsync(cluster, setting), await RunningGateway.StartAsync(cluster, setting));
            gateways.Set(first: true, down: 0);
            gateways.Set(first: false, down: 2);
            return gateways;
        }

        /// <summary>Again and again one of them takes another replica for down than before; the other one does not notice.</summary>
        public async Task DisagreeUntilAsync(Func<bool> done)
        {
            while (!done())
            {
                Set(_random.Next(2) == 0, _random.Next(3));
                await Task.Delay(_random.Next(20, 100), TestContext.Current.CancellationToken);
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var gateway in new[] { one, two })
            {
                await gateway.DisposeAsync();
                foreach (var upstream in gateway.Upstreams)
                {
                    upstream.Dispose();
                }
            }
        }

        private void Set(bool first, int down)
        {
            var upstreams = (first ? one : two).Upstreams;
            // Before the one goes, so that there is always somebody to ask.
            foreach (var upstream in upstreams.Where((_, i) => i != down))
            {
                upstream.Set(UpstreamState.Ready);
            }
            upstreams[down].Set(UpstreamState.Down);
        }
    }
}
