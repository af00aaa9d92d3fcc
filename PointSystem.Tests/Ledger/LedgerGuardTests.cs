using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>What the database itself refuses, even to the owner of the tables, as which these tests execute it.</summary>
public sealed class LedgerGuardTests(PointsDatabase server)
{
    [Theory]
    [InlineData("UPDATE point_ledger_entries SET delta = delta + 1 WHERE member_id = $1")]
    [InlineData("DELETE FROM point_ledger_entries WHERE member_id = $1")]
    [InlineData("UPDATE point_ledger_entries SET reason = 'x' WHERE member_id = -$1")]
    public async Task Ledger_UpdateOrDelete_IsRefused(string sql)
    {
        var (database, member) = await GrantedAsync();
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(database, sql, member));
        Assert.Equal(PostgresErrorCodes.RestrictViolation, refused.SqlState);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Ledger_Truncate_IsRefused()
    {
        var (database, member) = await GrantedAsync();
        var refused = await Assert.ThrowsAsync<PostgresException>(() =>
            database.ExecuteAsOwnerAsync("TRUNCATE point_ledger_entries"));
        Assert.Equal(PostgresErrorCodes.RestrictViolation, refused.SqlState);
        Assert.Equal(1, await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE member_id = $1", member));
    }

    [Theory]
    [InlineData("ck_member_wallets_balance", "UPDATE member_wallets SET balance = -1, manual_balance = -1 WHERE member_id = $1")]
    [InlineData("ck_member_wallets_manual_balance", "UPDATE member_wallets SET manual_balance = balance + 1 WHERE member_id = $1")]
    [InlineData("ck_member_wallets_member_id", "INSERT INTO member_wallets (member_id) VALUES (-$1)")]
    [InlineData("ck_point_accumulations_available", "UPDATE point_accumulations SET available_amount = 101, used_amount = -1 WHERE member_id = $1")]
    [InlineData("ck_point_accumulations_available", "UPDATE point_accumulations SET available_amount = -1, used_amount = 101 WHERE member_id = $1")]
    [InlineData("ck_point_accumulations_sum", "UPDATE point_accumulations SET available_amount = 99 WHERE member_id = $1")]
    [InlineData("ck_point_accumulations_cancelled", "UPDATE point_accumulations SET available_amount = 50, cancelled_amount = 50 WHERE member_id = $1")]
    [InlineData("ck_point_ledger_entries_delta", Entry + "(2, 2, 'USE', 'x', 0, 100)")]
    [InlineData("ck_point_ledger_entries_balance_after", Entry + "(2, 2, 'USE', 'x', -101, -1)")]
    [InlineData("ck_point_ledger_entries_kind", Entry + "(2, 2, 'GIFT', 'x', 1, 101)")]
    [InlineData("ck_point_ledger_entries_sequence", Entry + "(2, 3, 'USE', 'x', -1, 99)")]
    [InlineData("PK_point_ledger_entries", Entry + "(1, 1, 'USE', 'x', -1, 99)")]
    [InlineData("PK_point_accumulations", Lot + "member_id, lot_id, 'another', " + LotRest)]
    [InlineData("ux_point_accumulations_point_key", Lot + "member_id, lot_id + 1, point_key, " + LotRest)]
    [InlineData("PK_point_usages", Usage + "($1, 2, 'a', 'A1', 1, 0, now(), now()), ($1, 2, 'b', 'A1', 1, 0, now(), now())")]
    [InlineData("ux_point_usages_point_key", Usage + "($1, 2, 'a', 'A1', 1, 0, now(), now()), ($1, 3, 'a', 'A1', 1, 0, now(), now())")]
    [InlineData("ck_point_usages_cancelled_amount", Usage + "($1, 2, 'a', 'A1', 1, 2, now(), now())")]
    public async Task Constraint_Violated_IsRefused(string constraint, string sql)
    {
        var (database, member) = await GrantedAsync();
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(database, sql, member));
        Assert.Equal(constraint, refused.ConstraintName);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    private const string Entry =
        """
        INSERT INTO point_ledger_entries (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor)
        SELECT $1, a, b, c, d, 1, e, f, now(), 'test' FROM (VALUES 
        """ + " ";

    private const string Lot =
        """
        INSERT INTO point_accumulations (member_id, lot_id, point_key, amount, available_amount, used_amount, cancelled_amount, expired_amount,
            expiration_date, is_manual_grant, created_at, updated_at) SELECT 
        """ + " ";

    private const string LotRest = "1, 1, 0, 0, 0, expiration_date, false, now(), now() FROM point_accumulations WHERE member_id = $1";

    private const string Usage =
        "INSERT INTO point_usages (member_id, usage_id, point_key, order_number, total_amount, cancelled_amount, created_at, updated_at) VALUES ";

    private async Task<(NpgsqlDataSource Database, long Member)> GrantedAsync()
    {
        var database = await server.GetAsync(Token);
        var member = PointsClient.NewMember();
        Assert.Null((await new LedgerClient(database, 1).AccumulateAsync(member, 100)).Error);
        return (database, member);
    }

    private static Task ExecuteAsync(NpgsqlDataSource database, string sql, long member) =>
        database.ExecuteAsOwnerAsync(sql.StartsWith(Entry, StringComparison.Ordinal) ? sql + ") AS v (a, b, c, d, e, f)" : sql, member);
}
