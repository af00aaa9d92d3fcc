using Npgsql;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Makes inserts of one member's ledger entries take 60 s, by a trigger.</summary>
internal static class SlowWrites
{
    /// <summary>Applies from the next transaction on. Only for a database that no other test uses.</summary>
    public static Task OfAsync(NpgsqlDataSource database, long member) => database.ExecuteAsOwnerAsync(
        $"""
        CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
        CREATE TRIGGER be_slow BEFORE INSERT ON point_ledger_entries FOR EACH ROW WHEN (NEW.member_id = {member}) EXECUTE FUNCTION be_slow();
        """);
}
