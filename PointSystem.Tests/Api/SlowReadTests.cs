using System.Net;
using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>Hundreds of hanging reads of one member do not delay other requests.</summary>
public sealed class SlowReadTests(PointsDatabase server)
{
    [Fact]
    public async Task HangingReads_HundredsOfOneMember_DelayNoProbeNoWriteAndNoOtherMember()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(
            new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = 16 }.ConnectionString,
            ("Reads__QueueLimit", "20"),
            ("Reads__QueueWait", "00:00:30"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var (slow, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        var lot = (await client.AccumulateAsync(slow, 100)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        (await client.AccumulateAsync(other, 100)).Expect(HttpStatusCode.Created);

        // Of the requests below, only the trace of a lot reads this table.
        await using var held = await HeldTransaction.BeginAsync(connectionString, "LOCK TABLE point_transfers IN ACCESS EXCLUSIVE MODE");
        var reads = Enumerable.Range(0, 200).Select(_ => client.GetAsync($"/api/points/accumulations/{lot}")).ToList();
        // One member gets half of the four read connections; twenty more requests wait.
        await Eventually.HoldsAsync(() => reads.Count(read => read.IsCompleted) == 200 - 2 - 20, "the excess is refused");
        await Eventually.HoldsAsync(
            async () => await Books.CountAsync(
                connectionString, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'point_transfers'::regclass") == 2,
            "two reads hang");
        foreach (var refused in await Task.WhenAll(reads.Where(read => read.IsCompleted)))
        {
            Assert.Equal("1", refused.IsProblem(HttpStatusCode.TooManyRequests, "TOO_MANY_REQUESTS").Headers["Retry-After"]);
        }

        for (var i = 0; i < 10; i++)
        {
            (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
            (await client.UseAsync(slow, "A1", 1)).Expect(HttpStatusCode.Created);
            (await client.UseAsync(other, "A1", 1)).Expect(HttpStatusCode.Created);
            Assert.Equal(99 - i, await client.BalanceAsync(other));
        }

        await held.RollbackAsync();
        Assert.Equal(22, (await Task.WhenAll(reads)).Count(answer => answer.Status == HttpStatusCode.OK));
    }

    [Fact]
    public async Task Read_WaitsTooLongForAConnection_Is429()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(connectionString, ("Reads__Connections", "1"), ("Reads__QueueWait", "00:00:00.1"));
        using var client = new PointsClient(api.Address);
        var lot = (await client.AccumulateAsync(PointsClient.NewMember(), 100)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        await using var held = await HeldTransaction.BeginAsync(connectionString, "LOCK TABLE point_transfers IN ACCESS EXCLUSIVE MODE");
        var hanging = client.GetAsync($"/api/points/accumulations/{lot}");
        await held.WaitForWaitersAsync();
        (await client.GetAsync($"/api/points/balance/{PointsClient.NewMember()}")).IsProblem(HttpStatusCode.TooManyRequests, "TOO_MANY_REQUESTS");

        await held.RollbackAsync();
        (await hanging).Expect(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData(100, 8, 90, 8, 2)]
    [InlineData(30, 8, 21, 7, 2)]
    [InlineData(30, 3, 25, 3, 2)]
    [InlineData(4, 8, 2, 1, 1)]
    [InlineData(1, 8, 1, 1, 1)]
    public void Pools_AnySize_AreDividedSoThatNoneIsEmpty(int size, int connections, int writes, int reads, int control)
    {
        var pools = PointSystem.Api.Persistence.DatabasePools.Of(size, connections);
        Assert.Equal((writes, reads, control), (pools.Writes, pools.Reads, pools.Control));
    }
}
