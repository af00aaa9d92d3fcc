using System.Globalization;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Jobs;

/// <summary>Notice of points that will expire, on a clock that the test moves.</summary>
public sealed class ExpiryNoticeTests(PointsDatabase server)
{
    [Fact]
    public async Task Notices_AreGivenOnceForEachMemberDateAndNumberOfDays()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, seed: 1);
        foreach (var member in Enumerable.Range(1, 5))
        {
            await client.AccumulateAsync(member, 100 * member, days: 30);
        }

        await client.AccumulateAsync(1, 7, days: 30, manual: true);
        await client.AccumulateAsync(2, 8, days: 7);
        await client.AccumulateAsync(2, 9, days: 29);
        await client.UseAsync(3, "A1", 300);
        await client.UseAsync(4, "A1", 150);

        Assert.Equal(
            [
                "1 2026-03-31 30 107", "2 2026-03-08 7 8", "2 2026-03-31 30 200", "4 2026-03-31 30 250", "5 2026-03-31 30 500",
            ],
            await RunAsync(database, client));
        Assert.Empty(await RunAsync(database, client));

        // What is granted after the day on which notice was due gets only the later ones.
        await client.AccumulateAsync(6, 10, days: 30);
        Assert.Empty(await RunAsync(database, client));
        client.Clock.Advance(TimeSpan.FromDays(6));
        Assert.Equal(["2 2026-03-08 1 8"], await RunAsync(database, client));
        client.Clock.Advance(TimeSpan.FromDays(17));
        Assert.Equal(
            ["1 2026-03-31 7 107", "2 2026-03-30 7 9", "2 2026-03-31 7 200", "4 2026-03-31 7 250", "5 2026-03-31 7 500", "6 2026-03-31 7 10"],
            await RunAsync(database, client));
    }

    /// <summary>The service was stopped: notice is given later, as long as the points can be used; and never for what has expired.</summary>
    [Fact]
    public async Task Days_LeftBehind_AreMadeUpForUntilThePointsExpire()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, seed: 1);
        await RunAsync(database, client);
        foreach (var days in new[] { 31, 33, 40 })
        {
            await client.AccumulateAsync(days, 10, days);
        }

        client.Clock.Advance(TimeSpan.FromDays(5));
        Assert.Equal(["31 2026-04-01 30 10", "33 2026-04-03 30 10"], await RunAsync(database, client));
        client.Clock.Advance(TimeSpan.FromDays(30));
        Assert.Equal(["40 2026-04-10 30 10", "40 2026-04-10 7 10"], await RunAsync(database, client));
    }

    [Fact]
    public async Task Clock_SetBack_GivesNoNoticeTwiceAndGoesOn()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, seed: 1);
        await client.AccumulateAsync(1, 10, days: 30);
        await client.AccumulateAsync(2, 10, days: 32);
        Assert.Equal(["1 2026-03-31 30 10"], await RunAsync(database, client));

        // A year ahead, as CLOCK_OFFSET_DAYS can set it, and back.
        Assert.Empty(await RunAsync(database, client, offset: 365));
        Assert.Empty(await RunAsync(database, client));
        client.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(["2 2026-04-02 30 10"], await RunAsync(database, client));
    }

    [Theory]
    [InlineData("UPDATE expiry_notices SET amount = 1")]
    [InlineData("DELETE FROM expiry_notices WHERE id = -1")]
    [InlineData("TRUNCATE expiry_notices")]
    public async Task Notice_AnyChange_IsRefusedByTheDatabase(string sql)
    {
        var database = await server.GetAsync(Token);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsOwnerAsync(sql));
        Assert.Equal(PostgresErrorCodes.RestrictViolation, refused.SqlState);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(366)]
    [InlineData(30, 30)]
    public void Days_Invalid_AreRefusedAtStart(params int[] days)
    {
        var options = new JobOptions();
        foreach (var one in days)
        {
            options.NoticeDays.Add(one);
        }

        var result = new JobOptionsValidator(Options.Create(new PointSystem.Locking.LockingOptions())).Validate(null, options);

        Assert.Contains("Jobs:NoticeDays", result.FailureMessage, StringComparison.Ordinal);
    }

    /// <summary>Runs the notices to their end, two members at a time, and returns the new ones.</summary>
    private static async Task<List<string>> RunAsync(NpgsqlDataSource database, LedgerClient client, int offset = 0)
    {
        Task<IReadOnlyList<string>> AllAsync() => Books.TextsAsync(
            database.ConnectionString, "SELECT concat_ws(' ', member_id, expiration_date, days_ahead, amount) FROM expiry_notices ORDER BY 1");
        var before = await AllAsync();
        var notices = new ExpiryNotices(database, Options.Create(new JobOptions { ExpiryChunk = 2 }), client.Clock);
        while (await notices.RunChunkAsync(client.Now.Today.AddDays(offset), Token))
        {
        }

        return [.. (await AllAsync()).Except(before).OrderBy(text => int.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture))
            .ThenBy(text => text, StringComparer.Ordinal)];
    }
}
