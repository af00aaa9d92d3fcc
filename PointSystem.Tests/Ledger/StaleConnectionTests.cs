using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>
/// Npgsql can come to believe that a session knows a prepared statement when it does not, after a lock timeout in an earlier statement of a batch. Nothing
/// heals such a connection: whoever gets it from the pool is refused.
/// </summary>
public sealed class StaleConnectionTests(PointsDatabase server)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("SELECT%FOR UPDATE")]
    [InlineData("SELECT%load_lots%")]
    [InlineData("INSERT INTO point_ledger_entries%")]
    [InlineData("UPDATE member_wallets%")]
    public async Task Use_SessionDoesNotKnowAPreparedStatement_IsDoneOnceOnAnother(string statement)
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        var shop = new Shop(database, 1);
        var member = PointsClient.NewMember();
        await shop.AccumulateAsync(member, 100);
        for (var use = 1; use <= 3; use++)
        {
            await shop.UseAsync(member, $"A{use}", 10);
        }
        await using (var forget = database.CreateCommand(
            $"""
            DO $$ DECLARE s text; BEGIN
                FOR s IN SELECT name FROM pg_prepared_statements WHERE statement LIKE '{statement}' LOOP
                    EXECUTE format('DEALLOCATE %I', s);
                END LOOP;
                IF NOT FOUND THEN RAISE 'No such statement is prepared.'; END IF;
            END $$
            """))
        {
            await forget.ExecuteNonQueryAsync(Token);
        }

        await shop.UseAsync(member, "B1", 10);
        await shop.UseAsync(member, "B2", 10);

        Assert.Equal(50, await Books.CountAsync(database.ConnectionString, "SELECT balance FROM member_wallets WHERE member_id = $1", member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }
}
