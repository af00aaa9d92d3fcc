using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

public sealed class IdempotencyTests(PointsDatabase server)
{
    [Fact]
    public async Task SameKey_SameRequest_ReturnsTheFirstAnswerByteForByte()
    {
        var (client, member) = await StartAsync();
        var key = NewKey();
        var first = await client.RunAsync(Use(member, 40, key));
        await client.UseAsync(member, "other", 10);
        client.Clock.Advance(TimeSpan.FromHours(23));

        var again = await client.RunAsync(Use(member, 40, key));

        Assert.False(first.IsReplay);
        Assert.True(again.IsReplay);
        Assert.Equal(first.Status, again.Status);
        Assert.Equal(first.Answer.ToArray(), again.Answer.ToArray());
        Assert.Equal(50, await BalanceAsync(member));
    }

    [Fact]
    public async Task SameKey_RefusedBefore_IsRefusedAgainEvenIfItWouldSucceedNow()
    {
        var (client, member) = await StartAsync();
        var key = NewKey();
        var first = await client.RunAsync(Use(member, 101, key));
        await client.AccumulateAsync(member, 1_000);

        var again = await client.RunAsync(Use(member, 101, key));

        Assert.Equal("INSUFFICIENT_POINT", first.Error?.Code);
        Assert.Equal(first.Error, again.Error);
        Assert.True(again.IsReplay);
        Assert.Equal(1_100, await BalanceAsync(member));
    }

    [Fact]
    public async Task SameKey_AnotherRequest_IsRefused()
    {
        var (client, member) = await StartAsync();
        var other = PointsClient.NewMember();
        await client.AccumulateAsync(other, 100);
        var key = NewKey();
        Assert.Null((await client.RunAsync(Use(member, 10, key))).Error);

        var outcomes = new[]
        {
            await client.RunAsync(Use(member, 11, key)),
            await client.RunAsync(Use(other, 10, key)),
            await client.RunAsync(
                new AccumulatePoints.Command(member, 10, null, false, null, "test", Idempotency.For(new(key, "test"), "accumulate", member, 10))),
        };

        Assert.All(outcomes, outcome => Assert.Equal("IDEMPOTENCY_KEY_REUSED", outcome.Error?.Code));
        Assert.Equal((90, 100), (await BalanceAsync(member), await BalanceAsync(other)));
    }

    [Fact]
    public async Task SameKey_TwiceInOneBatch_HasOneEffectAndOneAnswer()
    {
        var (client, member) = await StartAsync();
        var other = PointsClient.NewMember();
        var key = NewKey();

        var outcomes = await client.ExecuteAsync(Use(member, 10, key), Use(member, 10, key), Use(member, 20, key), Use(other, 10, key));

        Assert.Equal([false, true], outcomes.Take(2).Select(outcome => outcome.IsReplay));
        Assert.Equal(outcomes[0].Answer.ToArray(), outcomes[1].Answer.ToArray());
        Assert.All(outcomes.Skip(2), outcome => Assert.Equal("IDEMPOTENCY_KEY_REUSED", outcome.Error?.Code));
        Assert.Equal(90, await BalanceAsync(member));
    }

    [Theory]
    [InlineData(-1, true)]
    [InlineData(0, false)]
    public async Task SameKey_TwentyFourHoursLater_IsForgotten(int microseconds, bool isReplay)
    {
        var (client, member) = await StartAsync();
        var key = NewKey();
        await client.RunAsync(Use(member, 10, key));
        client.Clock.Advance(Idempotency.Retention + TimeSpan.FromMicroseconds(microseconds));

        var later = await client.RunAsync(Use(member, isReplay ? 10 : 20, key));

        Assert.Null(later.Error);
        Assert.Equal(isReplay, later.IsReplay);
        Assert.Equal(isReplay ? 90 : 70, await BalanceAsync(member));

        // The new answer has replaced the old one.
        Assert.True((await client.RunAsync(Use(member, isReplay ? 10 : 20, key))).IsReplay);
    }

    [Fact]
    public async Task SameKey_ManyAtOnce_HasOneEffect()
    {
        var (client, member) = await StartAsync();
        var key = new string('~', 199 - 32) + NewKey();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => client.RunAsync(Use(member, 10, key))));

        Assert.Equal(11, outcomes.Count(outcome => outcome.IsReplay));
        Assert.Single(outcomes.Select(outcome => System.Text.Encoding.UTF8.GetString(outcome.Answer.Span)).Distinct());
        Assert.Equal(90, await BalanceAsync(member));
    }

    /// <summary>Neither learns that the other has used the key.</summary>
    [Fact]
    public async Task SameKey_OfTwoCallers_IsTwoKeys()
    {
        var (client, member) = await StartAsync();
        var other = PointsClient.NewMember();
        await client.AccumulateAsync(other, 100);
        var key = NewKey();
        var one = await client.RunAsync(Use(member, 10, key, "one"));

        var same = await client.RunAsync(Use(member, 10, key, "two"));
        var different = await client.RunAsync(Use(member, 20, key, "three"));
        var elsewhere = await client.RunAsync(Use(other, 30, key, "four"));
        var together = await client.ExecuteAsync(Use(member, 1, key, "five"), Use(member, 2, key, "six"), Use(member, 1, key, "five"));

        Assert.All(new[] { one, same, different, elsewhere, together[0], together[1] }, outcome => Assert.True(outcome is { Error: null, IsReplay: false }));
        Assert.True(together[2].IsReplay);
        foreach (var (caller, amount, first) in new[] { ("one", 10, one), ("two", 10, same), ("three", 20, different), ("six", 2, together[1]) })
        {
            var again = await client.RunAsync(Use(member, amount, key, caller));
            Assert.True(again.IsReplay);
            Assert.Equal(first.Answer.ToArray(), again.Answer.ToArray());
        }

        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await client.RunAsync(Use(member, 30, key, "four"))).Error?.Code);
        Assert.Equal((57, 70), (await BalanceAsync(member), await BalanceAsync(other)));
    }

    [Fact]
    public async Task IdempotencyStore_SameKeyOfTwoCallers_IsTwoKeys()
    {
        var answers = new IdempotencyStore(await server.GetAsync(Token), TimeProvider.System);
        var (key, member) = (NewKey(), PointsClient.NewMember());
        Task<CommandOutcome> GetAsync(string caller, string operation) => answers.GetAsync(
            Idempotency.For(new(key, caller), operation), member, (JsonTypeInfo<string>)JsonSerializerOptions.Default.GetTypeInfo(typeof(string)),
            (_, _) => Task.FromResult($"{operation} of {caller}"), Token);

        await GetAsync("one", "a");

        Assert.Equal("\"b of two\"", System.Text.Encoding.UTF8.GetString((await GetAsync("two", "b")).Answer.Span));
        Assert.True((await GetAsync("one", "a")).IsReplay);
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await GetAsync("two", "a")).Error?.Code);
    }

    /// <summary>The table of earlier versions, which does not say whose a key is.</summary>
    [Fact]
    public async Task SameKey_AnsweredByAnEarlierVersion_IsFoundByEveryCaller()
    {
        var (client, member) = await StartAsync();
        var database = await server.GetAsync(Token);
        var key = NewKey();
        var asked = Use(member, 10, key);
        await StoreAsEarlierVersionAsync(database, asked, client.Clock.GetUtcNow());

        foreach (var caller in new[] { "one", "two" })
        {
            var outcome = await client.RunAsync(Use(member, 10, key, caller));
            Assert.True(outcome.IsReplay);
            Assert.Equal("{}", System.Text.Encoding.UTF8.GetString(outcome.Answer.Span));
            Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await client.RunAsync(Use(member, 11, key, caller))).Error?.Code);
        }

        Assert.True((await new IdempotencyStore(database, client.Clock).FindAsync(asked.Idempotency!, member, Token))?.IsReplay);
        client.Clock.Advance(Idempotency.Retention);
        Assert.False((await client.RunAsync(Use(member, 10, key))).IsReplay);
        Assert.Equal(90, await BalanceAsync(member));
    }

    /// <summary>
    /// During a rolling upgrade, an earlier version does not find the answer. It fails when it stores its own, in the transaction of the effect.
    /// </summary>
    [Fact]
    public async Task SameKey_AnsweredByThisVersion_CannotBeAnsweredByAnEarlierOne()
    {
        var (client, member) = await StartAsync();
        var database = await server.GetAsync(Token);
        var asked = Use(member, 10, NewKey());
        await client.RunAsync(asked);
        var now = client.Clock.GetUtcNow();

        var refused = await Assert.ThrowsAsync<PostgresException>(() => StoreAsEarlierVersionAsync(database, asked, now));

        // Which that version answers with 503 and "try again, with the same Idempotency-Key".
        Assert.Equal(PostgresErrorCodes.QueryCanceled, refused.SqlState);
        await StoreAsEarlierVersionAsync(database, Use(PointsClient.NewMember(), 10, asked.Idempotency!.Key.Text), now);
        await StoreAsEarlierVersionAsync(database, Use(member, 10, NewKey()), now);
        await StoreAsEarlierVersionAsync(database, asked, now + Idempotency.Retention);
    }

    [Fact]
    public async Task Migration_OfATableWithAnswers_KeepsThemInBothDirections()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        await using var owner = NpgsqlDataSource.Create(PointsDatabase.AsOwner(database.ConnectionString));
        await using var db = new PointDbContext(new DbContextOptionsBuilder<PointDbContext>().UseNpgsql(owner).Options);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        var (before, after) = (Use(member, 10, NewKey()), Use(member, 20, NewKey()));
        await client.RunAsync(after);

        var previous = db.Database.GetMigrations().TakeWhile(id => !id.EndsWith("_CallersOfIdempotencyKeys", StringComparison.Ordinal)).Last();
        await db.GetService<IMigrator>().MigrateAsync(previous, Token);
        Assert.Equal(1, await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM idempotency_keys"));
        await StoreAsEarlierVersionAsync(database, before, client.Clock.GetUtcNow());
        await db.Database.MigrateAsync(Token);
        await DatabaseRoles.ApplyAsync(owner, Token);

        Assert.True((await client.RunAsync(before)).IsReplay);
        Assert.True((await client.RunAsync(after)).IsReplay);
        Assert.Equal(80, await Books.BalanceAsync(database.ConnectionString, member));
    }

    /// <summary>The statement of the version before this one.</summary>
    private static Task StoreAsEarlierVersionAsync(NpgsqlDataSource database, UsePoints.Command command, DateTimeOffset now) => database.ExecuteAsync(
        """
        INSERT INTO idempotency_keys (key, member_id, request_hash, status, answer, created_at)
        SELECT n.*, $6 FROM unnest($1, $2, $3, $4, $5) AS n (key, member_id, request_hash, status, answer) ORDER BY n.key, n.member_id
        ON CONFLICT (key, member_id) DO UPDATE
        SET request_hash = CASE WHEN idempotency_keys.created_at <= $7 THEN excluded.request_hash END,
            status = excluded.status, answer = excluded.answer, created_at = excluded.created_at
        """,
        new[] { command.Idempotency!.Key.Text }, new[] { command.MemberId }, new[] { command.Idempotency.RequestHash }, new[] { (short)201 },
        new[] { "{}"u8.ToArray() },
        now.UtcDateTime, (now - Idempotency.Retention).UtcDateTime);

    /// <summary>Without a wallet there is no row to wait for: both requests find no stored answer and both run.</summary>
    [Fact]
    public async Task SameKey_AnsweredMeanwhileForAMemberWithoutWallet_ReturnsThatAnswer()
    {
        var database = await server.GetAsync(Token);
        var (member, key) = (PointsClient.NewMember(), NewKey());
        var (one, two) = (new LedgerClient(database, 1), new LedgerClient(database, 1));
        await using var accepted = await HeldTransaction.BeginAsync(
            database.ConnectionString,
            "INSERT INTO idempotency_answers (key, caller, member_id, request_hash, status, answer, created_at) VALUES ($1, 'test', $2, $3, 201, $4, $5)",
            key, member, Use(member, 40, key).Idempotency!.RequestHash, "the first answer"u8.ToArray(), one.Clock.GetUtcNow().UtcDateTime);

        var asked = two.RunAsync(Use(member, 40, key));
        await accepted.WaitForWaitersAsync();
        await accepted.CommitAsync();

        var outcome = await asked;
        Assert.True(outcome.IsReplay);
        Assert.Equal("the first answer", System.Text.Encoding.UTF8.GetString(outcome.Answer.Span));
    }

    /// <summary>Different members share no row, so all requests find no stored answer and all run. A repeated request gets its own answer.</summary>
    [Fact]
    public async Task SameKey_ForSeveralMembersAtOnce_ReplaysTheAnswerOfEach()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (key, members) = (NewKey(), Enumerable.Range(0, 5).Select(_ => PointsClient.NewMember()).ToArray());
        foreach (var member in members)
        {
            await client.AccumulateAsync(member, 100);
        }

        var first = await AllRunBeforeAnyIsStoredAsync(
            database, members.Length, () => Task.WhenAll(members.Select(member => client.RunAsync(Use(member, 40, key)))));
        var again = new List<CommandOutcome>();
        foreach (var member in members)
        {
            again.Add(await client.RunAsync(Use(member, 40, key)));
        }

        Assert.All(first, outcome => Assert.True(outcome is { Error: null, IsReplay: false }));
        Assert.All(first.Zip(again), pair =>
        {
            Assert.True(pair.Second.IsReplay);
            Assert.Equal(pair.First.Answer.ToArray(), pair.Second.Answer.ToArray());
        });
        Assert.All(await Task.WhenAll(members.Select(BalanceAsync)), balance => Assert.Equal(60, balance));
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await client.RunAsync(Use(members[2], 41, key))).Error?.Code);
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await client.RunAsync(Use(PointsClient.NewMember(), 40, key))).Error?.Code);
    }

    /// <summary>The same for answers that are not written in a ledger transaction.</summary>
    [Fact]
    public async Task IdempotencyStore_SameKeyForSeveralMembersAtOnce_ReplaysTheAnswerOfEach()
    {
        var database = await server.GetAsync(Token);
        var answers = new IdempotencyStore(database, TimeProvider.System);
        var (key, members) = (NewKey(), Enumerable.Range(0, 4).Select(_ => PointsClient.NewMember()).ToArray());
        Idempotency Asked(long member) => Idempotency.For(new(key, "test"), "reconcile", member)!;
        Task<CommandOutcome> GetAsync(long member, string answer) => answers.GetAsync(
            Asked(member), member, (JsonTypeInfo<string>)JsonSerializerOptions.Default.GetTypeInfo(typeof(string)), (_, _) => Task.FromResult(answer), Token);

        // Two requests for the first member: both get the answer that was stored.
        long[] asked = [members[0], .. members];
        var first = await AllRunBeforeAnyIsStoredAsync(
            database, asked.Length, () => Task.WhenAll(asked.Select((member, number) => GetAsync(member, $"{member} as number {number}"))));

        Assert.Equal(asked.Length, first.Length);
        foreach (var member in members)
        {
            var kept = await answers.FindAsync(Asked(member), member, Token);
            Assert.NotNull(kept);
            Assert.StartsWith($"\"{member} as", System.Text.Encoding.UTF8.GetString(kept.Answer.Span), StringComparison.Ordinal);
        }

        var stranger = PointsClient.NewMember();
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await answers.FindAsync(Asked(stranger), stranger, Token))?.Error?.Code);
    }

    /// <summary>Runs the work while the table of answers is locked against writes, until that many requests wait to write to it.</summary>
    private static async Task<T> AllRunBeforeAnyIsStoredAsync<T>(NpgsqlDataSource database, int count, Func<Task<T>> work)
    {
        await using var held = await HeldTransaction.BeginAsync(database.ConnectionString, "LOCK TABLE idempotency_answers IN SHARE MODE");
        var running = work();
        await held.WaitForWaitersAsync(count);
        await held.CommitAsync();
        return await running;
    }

    private static string NewKey() => Guid.NewGuid().ToString("n");

    private static UsePoints.Command Use(long member, long amount, string key, string caller = "test") =>
        new(member, "A1", amount, "test", Idempotency.For(new(key, caller), "use", member, "A1", amount));

    private async Task<(LedgerClient Client, long Member)> StartAsync()
    {
        var client = new LedgerClient(await server.GetAsync(Token), 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        return (client, member);
    }

    private async Task<long> BalanceAsync(long member)
    {
        var database = await server.GetAsync(Token);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
        return await Books.BalanceAsync(database.ConnectionString, member);
    }
}
