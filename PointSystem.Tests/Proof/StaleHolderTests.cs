using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>
/// A lock holder is paused for longer than its lease, or killed, at every step between acquiring the lock and receiving the answer to its commit.
/// </summary>
[Collection(ProofTests.Name)]
public sealed class StaleHolderTests(ProofCluster proof)
{
    [Theory]
    [InlineData(WriteStep.BeforeLoading)]
    [InlineData(WriteStep.WaitingForTheRow)]
    [InlineData(WriteStep.Loaded)]
    [InlineData(WriteStep.Writing)]
    [InlineData(WriteStep.Committed)]
    public async Task Pause_LongerThanTheLease_LetsOthersContinueAndHasNoStaleEffect(WriteStep step)
    {
        Needs.Signals();
        await proof.ReadyAsync();
        await using var use = await StoppedUse.AtAsync(proof, step);
        proof.First.Process.Suspend();
        try
        {
            await use.ReleaseAsync();
            await OthersContinueAsync(use);
            await Eventually.HoldsAsync(async () => !await use.IsLockedAsync(), "its lease has ended");
        }
        finally
        {
            proof.First.Process.Resume();
        }

        var answer = await use.Request;
        Assert.NotNull(answer);
        Assert.Contains(answer.Status, (HttpStatusCode[])[HttpStatusCode.Created, HttpStatusCode.ServiceUnavailable, HttpStatusCode.Locked]);
        await AssertAppliedOnceAsync(use, answer);
    }

    [Theory]
    [InlineData(WriteStep.BeforeLoading)]
    [InlineData(WriteStep.WaitingForTheRow)]
    [InlineData(WriteStep.Loaded)]
    [InlineData(WriteStep.Writing)]
    [InlineData(WriteStep.Committed)]
    public async Task Kill_OfTheLeader_LetsOthersContinueAndARepeatedRequestIsAppliedOnce(WriteStep step)
    {
        await proof.ReadyAsync();
        await using var use = await StoppedUse.AtAsync(proof, step);
        await proof.First.Process.KillAsync(Token);
        await use.ReleaseAsync();
        await OthersContinueAsync(use);
        Assert.Null(await use.Request);
        await AssertAppliedOnceAsync(use, first: null);
    }

    [Fact]
    public async Task Kill_OfTheLeaderAndRedis_LetsOthersContinueAtOnce()
    {
        await proof.ReadyAsync();
        await using var use = await StoppedUse.AtAsync(proof, WriteStep.Loaded);
        await proof.First.Process.KillAsync(Token);
        await use.ReleaseAsync();
        proof.Cluster.Redis.AutoRestart = false;
        await proof.Cluster.Redis.KillAsync(Token);

        // It goes on because there is no lock store, and not because it lost its patience with the dead lease.
        using (var other = new PointsClient(proof.Cluster.Replicas[1].Url, proof.Cluster.AdminToken))
        {
            var bypasses = await BypassesAsync(other);
            (await other.UseAsync(use.Member, "OTHER", 1)).Expect(HttpStatusCode.Created);
            Assert.InRange(await BypassesAsync(other), 0, bypasses);
        }
        proof.Cluster.Redis.Start();
        await AssertAppliedOnceAsync(use, first: null);
    }

    /// <summary>The bypasses of a replica within the last minute.</summary>
    private static async Task<long> BypassesAsync(PointsClient replica) =>
        (await replica.GetAsync("/api/admin/locks")).Expect(HttpStatusCode.OK).Json["lastMinute"]!["bypasses"]!.GetValue<long>();

    private async Task OthersContinueAsync(StoppedUse use)
    {
        using var other = new RetryingClient(proof.Cluster);
        (await other.SendAsync(1, (client, key) => client.UseAsync(use.Member, "OTHER", 1, key), spare: 0)).Expect(HttpStatusCode.Created);
    }

    private async Task AssertAppliedOnceAsync(StoppedUse use, Answer? first)
    {
        var repeated = await use.RepeatAsync();
        var again = await use.RepeatAsync();
        Assert.Equal(repeated.Text, again.Text);
        if (first is { Status: HttpStatusCode.Created })
        {
            Assert.Equal(first.Text, repeated.Text);
        }
        Assert.Equal(1, await use.StoredCountAsync());
        Assert.Equal(989, await Books.BalanceAsync(proof.Database, use.Member));
        await LedgerReplay.AssertStoredAsync(proof.Database, use.Member);
    }
}
