using System.Net;
using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>A command that runs into <c>statement_timeout</c> fails alone; the other commands of its batch succeed.</summary>
public sealed class StatementLimitTests(PointsDatabase server)
{
    [Fact]
    public async Task Use_ExceedsTheStatementTimeout_FailsAlone()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var database = NpgsqlDataSource.Create(connectionString);
        var name = new NpgsqlConnectionStringBuilder(connectionString).Database;
        await using (var limit = database.CreateCommand($"ALTER DATABASE {name} SET statement_timeout = '700ms'"))
        {
            await limit.ExecuteNonQueryAsync(Token);
        }

        // One lane, so that all commands share a transaction.
        await using var api = await ApiHost.StartAsync(connectionString, ("Locking__Combining__Lanes", "1"));
        using var client = new PointsClient(api.Address);
        var members = await client.CreateMembersAsync(5, 1_000);

        await SlowWrites.OfAsync(database, members[2]);
        for (var round = 0; round < 4; round++)
        {
            var answers = await Task.WhenAll(members.Select(member => client.UseAsync(member, "A1", 10)));

            Assert.All(answers.Where((_, at) => at != 2), answer => answer.Expect(HttpStatusCode.Created));
            answers[2].Expect(HttpStatusCode.ServiceUnavailable);
        }

        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        await Books.AssertBalancedAsync(connectionString, members);
    }
}
