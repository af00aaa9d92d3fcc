using System.Globalization;
using Npgsql;
using PointSystem.Domain.Policies;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>A database with the limits of <see cref="Load"/>, and the history that its ledgers record.</summary>
internal sealed class PropertyDatabase(NpgsqlDataSource dataSource) : IAsyncDisposable
{
    private const string Ledgers =
        """
        SELECT member_id, kind || ' ' || point_key, balance_after FROM point_ledger_entries WHERE member_id = ANY ($1) ORDER BY member_id, sequence
        """;

    public NpgsqlDataSource DataSource { get; } = dataSource;

    public string ConnectionString => DataSource.ConnectionString;

    public static async Task<PropertyDatabase> CreateAsync(PointsDatabase server, CancellationToken cancellationToken)
    {
        var database = new PropertyDatabase(await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = ProofServer.PoolMax, cancellationToken));
        await database.SetAsync(PolicyLimit.MaxAccumulation.Key, Load.Policy.MaxAccumulationAmountPerTime.ToString(CultureInfo.InvariantCulture));
        await database.SetAsync(PolicyLimit.MaxBalance.Key, Load.Policy.MaxBalancePerMember.ToString(CultureInfo.InvariantCulture));
        return database;
    }

    /// <summary>Stores a value of the run-time configuration.</summary>
    public Task SetAsync(string key, string value) => DataSource.SetConfigAsync(key, value);

    /// <summary>The operations that the callers of the load saw, with the ledgers of its members.</summary>
    public async Task<History> HistoryAsync(Load load, IReadOnlyList<long> members)
    {
        await using var command = DataSource.CreateCommand(Ledgers);
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. members] });
        await using var reader = await command.ExecuteReaderAsync(Token);
        var ledgers = new Dictionary<int, IReadOnlyList<LedgerGroup>>();
        while (await reader.ReadAsync(Token))
        {
            var member = members.TakeWhile(id => id != reader.GetInt64(0)).Count();
            var ledger = (List<LedgerGroup>)(ledgers.TryGetValue(member, out var known) ? known : ledgers[member] = new List<LedgerGroup>());
            var group = new LedgerGroup(reader.GetString(1), reader.GetInt64(2));
            if (ledger.Count > 0 && ledger[^1].Name == group.Name)
            {
                ledger[^1] = group;
            }
            else
            {
                ledger.Add(group);
            }
        }
        return new History(load.Operations, ledgers);
    }

    /// <summary>Asserts that the books balance and the history is linearizable.</summary>
    public async Task AssertLinearizableAsync(Load load, IReadOnlyList<long> members)
    {
        await Books.AssertBalancedAsync(ConnectionString, [.. members]);
        var problems = Checker.FindProblems(await HistoryAsync(load, members), Load.Policy);
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    /// <summary>Makes the server look for deadlocks before a lock_timeout can end them unnoticed.</summary>
    public Task WatchDeadlocksAsync() => DataSource.ExecuteAsOwnerAsync(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''5ms''', current_database()); END $$");

    /// <summary>
    /// The number of deadlocks (40P01) in this database. Sessions report their deadlocks when they end, so all other sessions must have ended.
    /// </summary>
    public async Task<long> CountDeadlocksAsync()
    {
        DataSource.Clear();
        const string Others =
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
            """;
        await Eventually.HoldsAsync(async () => await Books.CountAsync(ConnectionString, Others) == 0, "every session has ended");
        return await Books.CountAsync(ConnectionString, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    }

    public async ValueTask DisposeAsync() => await DataSource.DisposeAsync();
}
