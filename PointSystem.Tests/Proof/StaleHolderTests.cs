using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>A holder that stops in the middle, for longer than its lease or for ever, at every step between taking the lock and hearing of its commit.</summary>
[Collection(ProofTests.Name)]
public sealed class StaleHolderTests(ProofCluster proof)
{
    [Theory]
    [InlineData(WriteStep.BeforeLoading)]
    [InlineData(WriteStep.WaitingForTheRow)]
    [InlineData(WriteStep.Loaded)]
    [InlineData(WriteStep.Writing)]
    [InlineData(WriteStep.Committed)]
    public async Task Pause_PastTheLease_LetsOthersGoOnAndHasNoStaleEffect(WriteStep step)
    {
        Needs.Signals();
        await proof.ReadyAsync();
        await using var use = await StoppedUse.AtAsync(proof, step);
        proof.First.Process.Suspend();
        try
        {
            await use.ReleaseAsync();
            await OthersGoOnAsync(use);
            await Eventually.HoldsAsync(async () => !await use.IsLockedAsync(), "its lease has ended");
        }
        finally
        {
            proof.First.Process.Resume();
        }

        var answer = await use.Request;
        Assert.NotNull(answer);
        Assert.Contains(answer.Status, (HttpStatusCode[])[HttpStatusCode.Created, HttpStatusCode.ServiceUnavailable, HttpStatusCode.Locked]);
        await AppliedOnceAsync(use, answer);
    }

    [Theory]
    [InlineData(WriteStep.BeforeLoading)]
    [InlineData(WriteStep.WaitingForTheRow)]
    [InlineData(WriteStep.Loaded)]
    [InlineData(WriteStep.Writing)]
    [InlineData(WriteStep.Committed)]
    public async Task Kill_OfTheLeader_LetsOthersGoOnAndARepeatedRequestIsAppliedOnce(WriteStep step)
    {
        await proof.ReadyAsync();
        await using var use = await StoppedUse.AtAsync(proof, step);
        await proof.First.Process.KillAsync(TestContext.Current.CancellationToken);
        await use.ReleaseAsync();
        await OthersGoOnAsync(use);
        Assert.Null(await use.Request);
        await AppliedOnceAsync(use, first: null);
    }

    [Fact]
    public async Task Kill_OfTheLeaderAndOfRedis_LetsOthersGoOnAtOnce()
    {
        await proof.ReadyAsync();
        await using var use = await StoppedUse.AtAsync(proof, WriteStep.Loaded);
        await proof.First.Process.KillAsync(TestContext.Current.CancellationToken);
        await use.ReleaseAsync();
        proof.Cluster.Redis.AutoRestart = false;
        await proof.Cluster.Redis.KillAsync(TestContext.Current.CancellationToken);

        // One attempt, no lease to wait for: had it waited for one, it would have been refused.
        using (var other = new PointsClient(proof.Cluster.Replicas[1].Url))
        {
            (await other.UseAsync(use.Member, "OTHER", 1)).Expect(HttpStatusCode.Created);
        }
        proof.Cluster.Redis.Start();
        await AppliedOnceAsync(use, first: null);
    }

    private async Task OthersGoOnAsync(StoppedUse use)
    {
        using var other = new PatientClient(proof.Cluster);
        (await other.SendAsync(1, (client, key) => client.UseAsync(use.Member, "OTHER", 1, key), spare: 0)).Expect(HttpStatusCode.Created);
    }

    private async Task AppliedOnceAsync(StoppedUse use, Answer? first)
    {
        var repeated = await use.RepeatAsync();
        var again = await use.RepeatAsync();
        Assert.Equal(repeated.Text, again.Text);
        if (first is { Status: HttpStatusCode.Created })
        {
            Assert.Equal(first.Text, repeated.Text);
        }
        Assert.Equal(1, await use.DoneAsync());
        Assert.Equal(989, await Books.CountAsync(proof.Database, "SELECT balance FROM member_wallets WHERE member_id = $1", use.Member));
        await Journal.AssertInOrderAsync(proof.Database, use.Member);
    }
}
