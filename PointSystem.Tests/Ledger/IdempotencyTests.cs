using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

public sealed class IdempotencyTests(PointsDatabase server)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SameKey_SameRequest_GetsTheFirstAnswerByteForByte()
    {
        var (shop, member) = await StartAsync();
        var key = NewKey();
        var first = await shop.RunAsync(Use(member, 40, key));
        await shop.UseAsync(member, "other", 10);
        shop.Clock.Advance(TimeSpan.FromHours(23));

        var again = await shop.RunAsync(Use(member, 40, key));

        Assert.False(first.IsReplay);
        Assert.True(again.IsReplay);
        Assert.Equal(first.Status, again.Status);
        Assert.Equal(first.Answer.ToArray(), again.Answer.ToArray());
        Assert.Equal(50, await BalanceAsync(member));
    }

    [Fact]
    public async Task SameKey_RefusedBefore_IsRefusedAgainAlthoughItWouldPassNow()
    {
        var (shop, member) = await StartAsync();
        var key = NewKey();
        var first = await shop.RunAsync(Use(member, 101, key));
        await shop.AccumulateAsync(member, 1_000);

        var again = await shop.RunAsync(Use(member, 101, key));

        Assert.Equal("INSUFFICIENT_POINT", first.Error?.Code);
        Assert.Equal(first.Error, again.Error);
        Assert.True(again.IsReplay);
        Assert.Equal(1_100, await BalanceAsync(member));
    }

    [Fact]
    public async Task SameKey_AnotherRequest_IsRefused()
    {
        var (shop, member) = await StartAsync();
        var other = PointsClient.NewMember();
        await shop.AccumulateAsync(other, 100);
        var key = NewKey();
        Assert.Null((await shop.RunAsync(Use(member, 10, key))).Error);

        var outcomes = new[]
        {
            await shop.RunAsync(Use(member, 11, key)),
            await shop.RunAsync(Use(other, 10, key)),
            await shop.RunAsync(new AccumulatePoints.Command(member, 10, null, false, null, "test", Idempotency.For(key, "accumulate", member, 10))),
        };

        Assert.All(outcomes, outcome => Assert.Equal("IDEMPOTENCY_KEY_REUSED", outcome.Error?.Code));
        Assert.Equal((90, 100), (await BalanceAsync(member), await BalanceAsync(other)));
    }

    [Fact]
    public async Task SameKey_TwiceInOneBatch_HasOneEffectAndOneAnswer()
    {
        var (shop, member) = await StartAsync();
        var other = PointsClient.NewMember();
        var key = NewKey();

        var outcomes = await shop.ExecuteAsync(Use(member, 10, key), Use(member, 10, key), Use(member, 20, key), Use(other, 10, key));

        Assert.Equal([false, true], outcomes.Take(2).Select(outcome => outcome.IsReplay));
        Assert.Equal(outcomes[0].Answer.ToArray(), outcomes[1].Answer.ToArray());
        Assert.All(outcomes.Skip(2), outcome => Assert.Equal("IDEMPOTENCY_KEY_REUSED", outcome.Error?.Code));
        Assert.Equal(90, await BalanceAsync(member));
    }

    [Theory]
    [InlineData(-1, true)]
    [InlineData(0, false)]
    public async Task SameKey_AroundTwentyFourHoursLater_IsForgottenThen(int microseconds, bool isReplay)
    {
        var (shop, member) = await StartAsync();
        var key = NewKey();
        await shop.RunAsync(Use(member, 10, key));
        shop.Clock.Advance(Idempotency.Retention + TimeSpan.FromMicroseconds(microseconds));

        var later = await shop.RunAsync(Use(member, isReplay ? 10 : 20, key));

        Assert.Null(later.Error);
        Assert.Equal(isReplay, later.IsReplay);
        Assert.Equal(isReplay ? 90 : 70, await BalanceAsync(member));

        // The new answer has taken the old one's place.
        Assert.True((await shop.RunAsync(Use(member, isReplay ? 10 : 20, key))).IsReplay);
    }

    [Fact]
    public async Task SameKey_ManyAtOnce_HasOneEffect()
    {
        var (shop, member) = await StartAsync();
        var key = new string('~', 199 - 32) + NewKey();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => shop.RunAsync(Use(member, 10, key))));

        Assert.Equal(11, outcomes.Count(outcome => outcome.IsReplay));
        Assert.Single(outcomes.Select(outcome => System.Text.Encoding.UTF8.GetString(outcome.Answer.Span)).Distinct());
        Assert.Equal(90, await BalanceAsync(member));
    }

    /// <summary>Without a wallet there is no row to wait for: both requests look, both find no answer, both decide.</summary>
    [Fact]
    public async Task SameKey_AnsweredMeanwhileForAMemberWithoutWallet_GetsThatAnswer()
    {
        var database = await server.GetAsync(Token);
        var (member, key) = (PointsClient.NewMember(), NewKey());
        var (one, two) = (new Shop(database, 1), new Shop(database, 1));
        await using var first = await database.OpenConnectionAsync(Token);
        await using var underWay = await first.BeginTransactionAsync(Token);
        await using var accepted = new NpgsqlCommand(
            "INSERT INTO idempotency_keys (key, member_id, request_hash, status, answer, created_at) VALUES ($1, $2, $3, 201, $4, $5)", first)
        {
            Parameters =
            {
                new() { Value = key }, new() { Value = member }, new() { Value = Use(member, 40, key).Idempotency!.RequestHash },
                new() { Value = "the first answer"u8.ToArray() }, new() { Value = one.Clock.GetUtcNow().UtcDateTime },
            },
        };
        await accepted.ExecuteNonQueryAsync(Token);

        var asked = two.RunAsync(Use(member, 40, key));
        await Eventually.HoldsAsync(
            async () => await Books.BlockedByAsync(database.ConnectionString, first.ProcessID) > 0,
            "the second has decided and waits for the first");
        await underWay.CommitAsync(Token);

        var outcome = await asked;
        Assert.True(outcome.IsReplay);
        Assert.Equal("the first answer", System.Text.Encoding.UTF8.GetString(outcome.Answer.Span));
    }

    /// <summary>Different members, so no row is common to both: both look, both find no answer, both decide. Who got an answer gets it again.</summary>
    [Fact]
    public async Task SameKey_ForSeveralMembersAtOnce_EachGetsItsOwnAnswerAgain()
    {
        var database = await server.GetAsync(Token);
        var shop = new Shop(database, 1);
        var (key, members) = (NewKey(), Enumerable.Range(0, 5).Select(_ => PointsClient.NewMember()).ToArray());
        foreach (var member in members)
        {
            await shop.AccumulateAsync(member, 100);
        }

        var first = await DecidedBeforeAnyIsKeptAsync(database, members.Length, () => Task.WhenAll(members.Select(member => shop.RunAsync(Use(member, 40, key)))));
        var again = new List<CommandOutcome>();
        foreach (var member in members)
        {
            again.Add(await shop.RunAsync(Use(member, 40, key)));
        }

        Assert.All(first, outcome => Assert.True(outcome is { Error: null, IsReplay: false }));
        Assert.All(first.Zip(again), pair =>
        {
            Assert.True(pair.Second.IsReplay);
            Assert.Equal(pair.First.Answer.ToArray(), pair.Second.Answer.ToArray());
        });
        Assert.All(await Task.WhenAll(members.Select(BalanceAsync)), balance => Assert.Equal(60, balance));
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await shop.RunAsync(Use(members[2], 41, key))).Error?.Code);
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (await shop.RunAsync(Use(PointsClient.NewMember(), 40, key))).Error?.Code);
    }

    /// <summary>The sibling: answers that no ledger transaction writes.</summary>
    [Fact]
    public async Task RepeatableAnswers_SameKeyForSeveralMembersAtOnce_EachGetsItsOwnAnswerAgain()
    {
        var database = await server.GetAsync(Token);
        var answers = new RepeatableAnswers(database, TimeProvider.System);
        var (key, members) = (NewKey(), Enumerable.Range(0, 4).Select(_ => PointsClient.NewMember()).ToArray());
        Idempotency Asked(long member) => Idempotency.For(key, "reconcile", member)!;
        Task<CommandOutcome> GetAsync(long member, string answer) => answers.GetAsync(
            Asked(member), member, (JsonTypeInfo<string>)JsonSerializerOptions.Default.GetTypeInfo(typeof(string)), (_, _) => Task.FromResult(answer), Token);

        // For the first member, two at once: both get the answer of the one that was kept.
        long[] asked = [members[0], .. members];
        var first = await DecidedBeforeAnyIsKeptAsync(
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

    /// <summary>Runs the work with the answers' table closed to writers until so many of them have decided and wait.</summary>
    private static async Task<T> DecidedBeforeAnyIsKeptAsync<T>(NpgsqlDataSource database, int count, Func<Task<T>> work)
    {
        await using var holder = await database.OpenConnectionAsync(Token);
        await using var held = await holder.BeginTransactionAsync(Token);
        await using var close = new NpgsqlCommand("LOCK TABLE idempotency_keys IN SHARE MODE", holder);
        await close.ExecuteNonQueryAsync(Token);
        var under = work();
        await Eventually.HoldsAsync(
            async () => await Books.BlockedByAsync(database.ConnectionString, holder.ProcessID) >= count,
            "all have decided and wait to write");
        await held.CommitAsync(Token);
        return await under;
    }

    private static string NewKey() => Guid.NewGuid().ToString("n");

    private static UsePoints.Command Use(long member, long amount, string key) =>
        new(member, "A1", amount, "test", Idempotency.For(key, "use", member, "A1", amount));

    private async Task<(Shop Shop, long Member)> StartAsync()
    {
        var shop = new Shop(await server.GetAsync(Token), 1);
        var member = PointsClient.NewMember();
        await shop.AccumulateAsync(member, 100);
        return (shop, member);
    }

    private async Task<long> BalanceAsync(long member)
    {
        var database = await server.GetAsync(Token);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
        return await Books.CountAsync(database.ConnectionString, "SELECT balance FROM member_wallets WHERE member_id = $1", member);
    }
}
