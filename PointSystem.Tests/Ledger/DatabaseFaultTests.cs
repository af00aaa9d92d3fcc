using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

public sealed class DatabaseFaultTests(PointsDatabase server)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Write_AllPooledConnectionsDead_SucceedsOnAnother(bool rulesAreStale)
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 1_000);
        var open = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => database.OpenConnectionAsync(Token).AsTask()));
        foreach (var connection in open)
        {
            await connection.DisposeAsync();
        }

        await using (var admin = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(PointsDatabase.AsOwner(database.ConnectionString)) { Pooling = false }.ConnectionString))
        {
            await admin.OpenAsync(Token);
            await using var kill = new NpgsqlCommand(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", admin);
            Assert.InRange((long)(await kill.ExecuteScalarAsync(Token))!, 8, 100);
        }

        client.Clock.Advance(rulesAreStale ? TimeSpan.FromSeconds(2) : TimeSpan.Zero);
        for (var i = 0; i < 8; i++)
        {
            await client.UseAsync(member, "A1", 10);
        }

        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Write_ServerKilledMeanwhile_FailsAsUnavailableAndWritesAllOrNothing()
    {
        await using var own = new PointsDatabase();
        Needs.OwnPostgres();
        await using var database = await own.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, 1);
        var members = Enumerable.Range(0, 4).Select(_ => PointsClient.NewMember()).ToArray();
        foreach (var member in members)
        {
            await client.AccumulateAsync(member, 100_000);
        }

        var accepted = 0;
        var writers = Task.WhenAll(members.Select(member => Task.Run(
            async () =>
            {
                while (true)
                {
                    try
                    {
                        await client.UseAsync(member, "A1", 1);
                        Interlocked.Increment(ref accepted);
                    }
                    catch (NpgsqlException failure)
                    {
                        return failure;
                    }
                }
            },
            Token)));
        await Eventually.HoldsAsync(() => Volatile.Read(ref accepted) > 200, "the writers are running");
        await own.KillServerAsync(Token);
        var failures = await writers;

        foreach (var failure in failures)
        {
            var http = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
            await new ApiExceptionHandler(NullLogger<ApiExceptionHandler>.Instance).TryHandleAsync(http, failure, Token);
            Assert.True(http.Response.StatusCode == StatusCodes.Status503ServiceUnavailable, failure.ToString());
            Assert.NotEmpty(http.Response.Headers.RetryAfter.ToString());
        }

        await own.RestartServerAsync(Token);
        await Books.AssertBalancedAsync(database.ConnectionString, members);
        var kept = await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM point_usages");

        // Every answered use is there. Of the others, at most the one that each writer had sent last.
        Assert.InRange(kept, accepted, accepted + members.Length);
        await client.UseAsync(members[0], "A1", 1);
    }
}
