namespace PointSystem.Tests.Proof;

/// <summary>The same crowd in every mode, and in modes that differ from replica to replica: the same books.</summary>
[Collection(ProofTests.Name)]
public sealed class ScenarioTests(ProofCluster proof)
{
    private const int Requests = 1_200;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("distributed")]
    [InlineData("adaptive")]
    [InlineData("row")]
    public async Task Crowd_InOneMode_TheAccountsAreRight(string mode)
    {
        await proof.ReadyAsync();
        await proof.SetAsync("LOCKING_MODE", mode);
        await RunAsync(() => Task.CompletedTask);
    }

    [Fact]
    public async Task Crowd_OneReplicaInFallbackOneDistributedOneRow_TheAccountsAreRight()
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
    public async Task Crowd_WhileModesCanaryAndFallbackChange_TheAccountsAreRight()
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
                    // Comes back by itself.
                    _ => proof.Cluster.Replicas[random.Next(3)].Sidecar.KillAsync(Token),
                });
                await Task.Delay(random.Next(50, 300), Token);
            }
        }, Requests * 2);
        await proof.SetAsync("LOCKING_CANARY_PERCENT", "100");
    }

    private async Task RunAsync(Func<Task> meanwhile, int requests = Requests)
    {
        using var crowd = new Crowd(proof.Cluster);
        await crowd.RunAsync(requests, meanwhile);
        await crowd.AssertAccountsAsync();
    }
}
