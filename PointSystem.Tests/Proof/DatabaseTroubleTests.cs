using System.Net;
using Npgsql;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Proof;

/// <summary>An API process whose database has no free connection, or never answers: requests end in time, with 503 or 423.</summary>
public sealed class DatabaseTroubleTests(PointsDatabase server)
{
    private static readonly string[] Operations = ["use__member", "accumulate__member"];

    [Fact]
    public async Task Write_NoFreeConnection_Is503UntilThereIsOne()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(
            new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = 4, Timeout = 1 }.ConnectionString, ("Locking__Mode", "row"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var members = await client.CreateMembersAsync(6, 100);

        // Two writes wait for rows that the test holds. They use both of the connections that the pool of four reserves for writes.
        await using var held = await HeldTransaction.LockWalletsAsync(connectionString, members);
        var waiting = members[..2].Select(member => client.UseAsync(member, "A1", 1)).ToList();
        await held.WaitForWaitersAsync(2);

        var others = members[2..].Select(member => client.UseAsync(member, "A1", 1));
        foreach (var refused in await Task.WhenAll(others))
        {
            Assert.Equal("2", refused.IsProblem(HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE").Headers["Retry-After"]);
        }

        // Reads and probes have their own connections.
        Assert.Equal(100, await client.BalanceAsync(members[0]));
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);

        await held.RollbackAsync();
        Assert.All(await Task.WhenAll(waiting), answer => answer.Expect(HttpStatusCode.Created));
        (await client.UseAsync(members[5], "A1", 1)).Expect(HttpStatusCode.Created);
        await LedgerReplay.AssertStoredAsync(connectionString, members);
    }

    [Theory]
    [InlineData("distributed")]
    [InlineData("row")]
    public async Task Write_DatabaseNeverAnswers_EndsInTimeAndRecovers(string mode)
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        await using var proxy = new FaultProxy(settings.Port);
        settings.Port = proxy.Port;
        settings.Host = "127.0.0.1";
        await using var api = await ApiHost.StartAsync(
            settings.ConnectionString,
            [
                ("Locking__Mode", mode),
                .. Operations.SelectMany(operation => new (string, string?)[]
                {
                    ($"Locking__Operations__point__{operation}__WaitSeconds", "1"), ($"Locking__Operations__point__{operation}__LeaseSeconds", "2"),
                }),
            ]);
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var members = await client.CreateMembersAsync(8, 100);

        // Affects running writes, those queued behind them in a lane or queue, and later those that first have to read the configuration.
        proxy.DropRequests();
        proxy.DropReplies();
        for (var round = 0; round < 3; round++)
        {
            var requests = Enumerable.Range(0, 2).SelectMany(_ => members)
                .Select((member, number) => client.UseAsync(member, "A1", 1, $"{member}-{round}-{number}"));
            foreach (var answer in await Task.WhenAll(requests))
            {
                Assert.True(answer.Status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.Locked, $"{(int)answer.Status}: {answer.Text}");
                Assert.Contains("Retry-After", answer.Headers.Keys);
            }
        }

        proxy.Heal();
        foreach (var member in members)
        {
            // With its key the first request can be repeated, whether or not it was applied.
            var key = $"{member}-0-{Array.IndexOf(members, member)}";
            await Eventually.HoldsAsync(async () => (await client.UseAsync(member, "A1", 1, key)).Status == HttpStatusCode.Created, "the write succeeds");
        }
        await LedgerReplay.AssertStoredAsync(connectionString, members);
        Assert.Equal(8, await Books.CountAsync(connectionString, "SELECT count(*) FROM point_usages"));
    }

    [Fact]
    public async Task Stop_WithDrainDelay_IsUnreadyAtOnceAndServesUntilTheDelayEnds()
    {
        Needs.Signals();
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var api = await ApiProcess.StartAsync(connectionString, ("Drain__Delay", "00:00:05"));
        using var client = new PointsClient(api.Address);
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        var member = PointsClient.NewMember();

        await api.SignalAsync("TERM");
        await Eventually.HoldsAsync(
            async () => (await client.GetAsync("/health/ready")).Status == HttpStatusCode.ServiceUnavailable, "the process is no longer ready");
        (await client.GetAsync("/health/live")).Expect(HttpStatusCode.OK);
        (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
        await api.WaitForExitAsync(Token);
        Assert.Equal(0, api.ExitCode);
        await LedgerReplay.AssertStoredAsync(connectionString, member);
    }
}
