using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>100 callers use the points of one member one by one over three replicas: every use is applied once, and the ledger has no gap.</summary>
[Collection(ProofTests.Name)]
public sealed class HotMemberTests(ProofCluster proof)
{
    private const int Callers = 100;

    // Enough that uses run during every change of the mode.
    private const int ModeUses = 4_000;

    /// <summary>With <c>POINTSYSTEM_TEST_FULL=1</c> every mode gets the full number of uses, which takes minutes in mode row.</summary>
    private static readonly bool IsFull = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_FULL") == "1";

    private int _next;

    [Theory]
    [InlineData("distributed", 2_000)]
    [InlineData("adaptive", 2_000)]
    [InlineData("row", 300)]
    public async Task Uses_InOneMode_AreAppliedOnce(string mode, int uses)
    {
        await proof.ReadyAsync();
        await proof.SetAsync("LOCKING_MODE", mode);
        await SpendAsync(IsFull ? 10_000 : uses, () => Task.CompletedTask);
    }

    [Fact]
    public async Task Uses_OneReplicaInFallbackOneDistributedOneRow_AreAppliedOnce()
    {
        await proof.ReadyAsync();
        await using (await proof.MixedAsync())
        {
            await SpendAsync(2_000, () => Task.CompletedTask);
        }
    }

    [Fact]
    public async Task Uses_WhileModesAndCanaryChange_AreAppliedOnce()
    {
        await proof.ReadyAsync();
        await SpendAsync(ModeUses, async () =>
        {
            foreach (var (key, value) in new[]
            {
                ("LOCKING_MODE", "distributed"), ("LOCKING_CANARY_PERCENT", "10"), ("LOCKING_CANARY_PERCENT", "50"), ("LOCKING_CANARY_PERCENT", "100"),
                ("LOCKING_MODE_USE", "row"), ("LOCKING_MODE_USE", "adaptive"), ("LOCKING_MODE_USE", "default"),
            })
            {
                await proof.SetAsync(key, value);
                var goal = Volatile.Read(ref _next) + 250;
                await Eventually.HoldsAsync(() => Volatile.Read(ref _next) >= Math.Min(goal, ModeUses), "uses continue");
            }
        });
    }

    private async Task SpendAsync(int uses, Func<Task> meanwhile)
    {
        var member = await proof.MemberAsync(uses);
        using var client = new RetryingClient(proof.Cluster);
        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            int number;
            while ((number = Interlocked.Increment(ref _next)) <= uses)
            {
                (await client.SendAsync(caller, (replica, key) => replica.UseAsync(member, $"A{number}", 1, key))).Expect(HttpStatusCode.Created);
            }
        })).ToList();
        await meanwhile();
        await Task.WhenAll(callers);

        Assert.Equal(0, await Books.BalanceAsync(proof.Database, member));
        Assert.Equal(uses, await Books.CountAsync(proof.Database, "SELECT count(DISTINCT order_number) FROM point_usages WHERE member_id = $1", member));
        Assert.Equal(uses + 1, await Books.CountAsync(proof.Database, "SELECT max(sequence) FROM point_ledger_entries WHERE member_id = $1", member));
        await LedgerReplay.AssertStoredAsync(proof.Database, member);
    }
}
