using Npgsql;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Makes the server take far too long over one member's ledger entries.</summary>
internal static class SlowWrites
{
    /// <summary>From the next transaction on; for a database of the test's own.</summary>
    public static async Task OfAsync(NpgsqlDataSource database, long member, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
            CREATE TRIGGER be_slow BEFORE INSERT ON point_ledger_entries FOR EACH ROW WHEN (NEW.member_id = {member}) EXECUTE FUNCTION be_slow();
            """);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
