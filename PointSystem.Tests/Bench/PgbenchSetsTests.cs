using PointSystem.Bench;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Servers;

namespace PointSystem.Tests.Bench;

public sealed class PgbenchSetsTests
{
    /// <summary>Fails when the product's statements change and the contender's values do not.</summary>
    [Fact]
    public async Task Script_BatchOfTheProduct_HasAValueForEveryParameterOfEveryStatement()
    {
        var directory = ClusterFixture.NewDataDirectory();
        try
        {
            await using var cluster = await BenchCluster.StartAsync(
                new BenchOptions { Scenario = "hot", Replicas = 1, PoolSize = 4, DataDirectory = directory }, null, Token);
            await Seeder.AddAsync(cluster, 1, 1, 1, 1_000, Token);

            var batch = await cluster.CaptureBatchAsync(PgbenchSets.BatchUses, Token);
            var script = PgbenchSets.Script(batch, "1");

            Assert.Equal(PgbenchSets.BatchUses, await LedgerCheck.CountUsagesAsync(cluster, Token));
            Assert.StartsWith("BEGIN", batch[0].Text, StringComparison.Ordinal);
            Assert.Equal("COMMIT", batch[^1].Text);
            Assert.DoesNotMatch(@"\$\d", script);

            // Any other number or order of columns is refused, and so is a statement that is missing or new.
            var writes = batch.Select((statement, number) => (statement, number)).Where(each => each.statement.Types.Count > 2).ToList();
            Assert.Equal(6, writes.Count);
            Assert.All(writes, write =>
            {
                Refuses(batch.Select((statement, number) =>
                    number == write.number ? statement with { Text = statement.Text.Replace("member_id, ", "member, ", StringComparison.Ordinal) } : statement));
                Refuses(batch.Select((statement, number) =>
                    number == write.number ? statement with { Types = [.. statement.Types, "bigint"] } : statement));
                Refuses(batch.Where((_, number) => number != write.number));
                Refuses([.. batch, write.statement]);
            });
        }
        finally
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }

        static void Refuses(IEnumerable<PreparedStatement> batch) => Assert.Throws<BenchException>(() => PgbenchSets.Script([.. batch], "1"));
    }
}
