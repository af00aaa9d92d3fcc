using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Jobs;
using PointSystem.Locking;
using PointSystem.Tests.Features;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Jobs;

public sealed class JobTests(PointsDatabase server)
{
    private const string OpenExpiredLots = "SELECT count(*) FROM point_accumulations WHERE is_open AND expiration_date < $1";

    [Fact]
    public async Task ExpiryJob_ExpiredLotsOfSeveralMembers_PostsAllInChunks()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var (client, members) = await ExpiredAsync(database, members: 7, lots: 3);

        await RunExpiryAsync(database, client, chunk: 2, () => UnpostedAsync(database, client));

        await Books.AssertBalancedAsync(database.ConnectionString, members);
        Assert.Equal(21, await Books.CountAsync(
            database.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE kind = 'EXPIRE' AND actor = 'system:expiry'"));
        Assert.Equal(7 * 1_000, await Books.CountAsync(database.ConnectionString, "SELECT sum(balance)::bigint FROM member_wallets"));
    }

    [Fact]
    public async Task ExpiryJob_OneMemberCannotBePosted_PostsTheOthers()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var (client, members) = await ExpiredAsync(database, members: 4, lots: 6);

        // The wallet holds less than the lots, so the rules refuse the expiry. The member's lots are the oldest and fill whole chunks.
        await database.ExecuteAsOwnerAsync($"UPDATE member_wallets SET balance = 1, manual_balance = 0 WHERE member_id = {members[0]}");
        await database.ExecuteAsOwnerAsync($"UPDATE point_accumulations SET expiration_date = expiration_date - 1 WHERE member_id = {members[0]}");

        await RunExpiryAsync(database, client, chunk: 2, async () => await UnpostedAsync(database, client) - 6);

        await Books.AssertBalancedAsync(database.ConnectionString, members[1..]);
        Assert.Equal(0, await ExpiryEntriesAsync(database, members[0]));
    }

    /// <summary>Very many expired lots, or a trigger, can exceed <c>statement_timeout</c>. That must not count as an outage.</summary>
    [Fact]
    public async Task ExpiryJob_OneMemberExceedsTheTimeout_PostsTheOthers()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.Options += " -c statement_timeout=1500", Token);
        var (client, members) = await ExpiredAsync(database, members: 6, lots: 2);
        await SlowWrites.OfAsync(database, members[2]);

        await RunExpiryAsync(database, client, chunk: 20, async () => await UnpostedAsync(database, client) - 2);

        await Books.AssertBalancedAsync(database.ConnectionString, members);
        Assert.Equal(0, await ExpiryEntriesAsync(database, members[2]));
    }

    [Fact]
    public async Task ExpiryJob_ConcurrentWrites_KeepsTheBooksBalanced()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var (client, members) = await ExpiredAsync(database, members: 10, lots: 3);
        var writes = Task.WhenAll(members.Select(async member =>
        {
            for (var i = 0; i < 10; i++)
            {
                await client.UseAsync(member, "A1", 1);
            }
        }));

        await RunExpiryAsync(database, client, chunk: 3, () => UnpostedAsync(database, client));
        await writes;

        await Books.AssertBalancedAsync(database.ConnectionString, members);
        Assert.Equal(30, await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE kind = 'EXPIRE'"));
    }

    [Fact]
    public async Task ExpiryJob_LockHeldByAnotherReplica_DoesNothingUntilItIsFree()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var (client, _) = await ExpiredAsync(database, members: 1, lots: 1);
        var store = new MemoryLockStore(TimeProvider.System);
        await using var other = await LockReplica.StartAsync(store, []);
        var held = await other.Locks.AcquireAsync("point:job:expiry", new LockOptions { Lease = TimeSpan.FromSeconds(30) }, Token);
        await using var replica = await LockReplica.StartAsync(store, []);
        using var job = Expiry(database, client, replica.Runner(database), chunk: 10);

        await job.StartAsync(Token);
        await Eventually.HoldsAsync(() => store.Asked.Count >= 2, "the job has asked for its lock");
        Assert.Equal(1, await UnpostedAsync(database, client));

        await held.DisposeAsync();
        await Eventually.HoldsAsync(() => !store.IsHeld("point:job:expiry"), "the lock is free");
        await Eventually.HoldsAsync(
            async () =>
            {
                client.Clock.Advance(TimeSpan.FromMinutes(1));
                return await UnpostedAsync(database, client) == 0;
            },
            "the next round posts the expiry");
        await job.StopAsync(Token);
    }

    [Fact]
    public async Task Write_MemberHasExpiredLots_PostsThemFirst()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var (client, members) = await ExpiredAsync(database, members: 1, lots: 2);

        await client.UseAsync(members[0], "A1", 10);

        var kinds = (await client.LedgerAsync(members[0])).Select(line => line.Kind).ToList();
        Assert.Equal(["ACCUMULATE", "ACCUMULATE", "ACCUMULATE", "EXPIRE", "EXPIRE", "USE"], kinds);
        await Books.AssertBalancedAsync(database.ConnectionString, members);
    }

    [Theory]
    [InlineData("idempotency_answers (caller, ", "'test', ")]
    [InlineData("idempotency_keys (", "")]
    public async Task CleanupJob_KeysOfAllAges_DeletesThoseOlderThanOneDay(string columns, string caller)
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        await database.ExecuteAsync(
            $"""
            INSERT INTO {columns}key, member_id, request_hash, status, answer, created_at)
            SELECT {caller}'k' || i, i, 'x', 200, 'x', now() - make_interval(mins => i) FROM generate_series(1, 4000) AS i
            """);
        await using var replica = await LockReplica.StartAsync(new MemoryLockStore(TimeProvider.System), []);
        using var job = new IdempotencyCleanupJob(
            database, replica.Runner(database), Options.Create(new JobOptions()), TimeProvider.System, NullLogger<IdempotencyCleanupJob>.Instance);

        await job.StartAsync(Token);
        await Eventually.HoldsAsync(async () => await OlderAsync(">= 1441") == 0, "the old keys are deleted");
        await job.StopAsync(Token);

        Assert.InRange(await OlderAsync("< 1441"), 1_430, 1_441);

        async Task<long> OlderAsync(string than) => await Books.CountAsync(
            database.ConnectionString, $"SELECT count(*) FROM {columns.Split(' ')[0]} WHERE member_id {than}");
    }

    private static async Task<(LedgerClient Client, long[] Members)> ExpiredAsync(NpgsqlDataSource database, int members, int lots)
    {
        var client = new LedgerClient(database, 1);
        var ids = Enumerable.Range(0, members).Select(_ => PointsClient.NewMember()).ToArray();
        foreach (var id in ids)
        {
            for (var i = 0; i < lots; i++)
            {
                await client.AccumulateAsync(id, 10, days: 2 + i, manual: i == 0);
            }

            await client.AccumulateAsync(id, 1_000, days: 100);
        }

        client.Clock.Advance(TimeSpan.FromDays(20));
        return (client, ids);
    }

    private static async Task RunExpiryAsync(NpgsqlDataSource database, LedgerClient client, int chunk, Func<Task<long>> left)
    {
        await using var replica = await LockReplica.StartAsync(new MemoryLockStore(TimeProvider.System), []);
        using var job = Expiry(database, client, replica.Runner(database), chunk);
        await job.StartAsync(Token);
        await Eventually.HoldsAsync(async () => await left() == 0, "all expired lots are posted");
        await job.StopAsync(Token);
    }

    private static ExpiryJob Expiry(NpgsqlDataSource database, LedgerClient client, JobRunner runner, int chunk)
    {
        var rules = new RulesProvider(
            database, client.Clock, Options.Create(new BusinessOptions()),
            new HostingEnvironment { EnvironmentName = Environments.Staging }, NullLogger<RulesProvider>.Instance);
        var options = Options.Create(new JobOptions { ExpiryChunk = chunk });
        return new ExpiryJob(
            database, rules, client.Ledger, new ExpiryNotices(database, options, client.Clock), runner, options, client.Clock, NullLogger<ExpiryJob>.Instance);
    }

    private static Task<long> ExpiryEntriesAsync(NpgsqlDataSource database, long member) => Books.CountAsync(
        database.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE kind = 'EXPIRE' AND member_id = $1", member);

    private static Task<long> UnpostedAsync(NpgsqlDataSource database, LedgerClient client) =>
        Books.CountAsync(database.ConnectionString, OpenExpiredLots, client.Now.Today);
}
