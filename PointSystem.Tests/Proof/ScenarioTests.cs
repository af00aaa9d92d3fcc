namespace PointSystem.Tests.Proof;

/// <summary>
/// The stored rows equal the answers with different modes on different replicas, and while they change. Each mode alone: <see cref="GatewayTests"/>.
/// </summary>
[Collection(ProofTests.Name)]
public sealed class ScenarioTests(ProofCluster proof)
{
    private static readonly int Requests = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_FULL") == "1" ? 1_200 : 800;

    [Fact]
    public async Task MixedLoad_OneReplicaInFallbackOneDistributedOneRow_IsStoredAsAnswered()
    {
        await proof.ReadyAsync();
        await using (await proof.MixedAsync())
        {
            await RunAsync(() => Task.CompletedTask);
            Assert.True(await proof.LastMinuteAsync(proof.First, "fallbacks") > 0);
            Assert.True(await proof.LastMinuteAsync(proof.Cluster.Replicas[2], "rowOnly") > 0);
        }
    }

    [Fact]
    public async Task MixedLoad_ModesCanaryAndFallbackChange_IsStoredAsAnswered()
    {
        await proof.ReadyAsync();
        await RunAsync(async () =>
        {
            var random = new Random(20_261_125);
            for (var change = 0; change < 12; change++)
            {
                await (random.Next(5) switch
                {
                    0 => proof.SetAsync("LOCKING_MODE", "row"),
                    1 => proof.SetAsync("LOCKING_MODE", "adaptive"),
                    2 => proof.SetAsync("LOCKING_MODE", "distributed"),
                    3 => proof.SetAsync("LOCKING_CANARY_PERCENT", $"{random.Next(0, 101)}"),
                    // The supervisor restarts it.
                    _ => proof.Cluster.Replicas[random.Next(3)].Sidecar.KillAsync(Token),
                });
                await Task.Delay(random.Next(50, 300), Token);
            }
        }, Requests * 2);
        await proof.SetAsync("LOCKING_CANARY_PERCENT", "100");
    }

    private async Task RunAsync(Func<Task> meanwhile, int? requests = null)
    {
        using var load = new MixedLoad(proof.Cluster);
        await load.RunAsync(requests ?? Requests, meanwhile);
        await load.AssertStoredAsync();
    }
}
