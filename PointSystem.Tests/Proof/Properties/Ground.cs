using System.Globalization;
using Npgsql;
using PointSystem.Domain.Policies;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>A database with the limits of <see cref="Load"/>, and what the ledgers in it say.</summary>
internal sealed class Ground(NpgsqlDataSource database) : IAsyncDisposable
{
    private const string Ledgers =
        """
        SELECT member_id, kind || ' ' || point_key, balance_after FROM point_ledger_entries WHERE member_id = ANY ($1) ORDER BY member_id, sequence
        """;

    public NpgsqlDataSource Database { get; } = database;

    public string ConnectionString => Database.ConnectionString;

    public static async Task<Ground> CreateAsync(PointsDatabase server, CancellationToken cancellationToken)
    {
        var ground = new Ground(await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = ProofServer.PoolMax, cancellationToken));
        await ground.SetAsync(PolicyLimit.MaxAccumulation.Key, Load.Policy.MaxAccumulationAmountPerTime.ToString(CultureInfo.InvariantCulture));
        await ground.SetAsync(PolicyLimit.MaxBalance.Key, Load.Policy.MaxBalancePerMember.ToString(CultureInfo.InvariantCulture));
        return ground;
    }

    /// <summary>Stores a value of the run-time configuration.</summary>
    public Task SetAsync(string key, string value) => ExecuteAsync(
        """
        INSERT INTO point_configs (config_key, config_value, updated_at, updated_by) VALUES ($1, $2, now(), 'test')
        ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value
        """,
        key, value);

    public async Task ExecuteAsync(string sql, params IReadOnlyList<object> values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>What the load's callers saw, with what the ledgers of its members say.</summary>
    public async Task<History> HistoryAsync(Load load, IReadOnlyList<long> members)
    {
        await using var command = Database.CreateCommand(Ledgers);
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. members] });
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var ledgers = new Dictionary<int, IReadOnlyList<LedgerGroup>>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
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

    /// <summary>The books balance, and the history is linearizable.</summary>
    public async Task AssertRightAsync(Load load, IReadOnlyList<long> members)
    {
        await Books.AssertBalancedAsync(ConnectionString, [.. members]);
        var problems = Checker.FindProblems(await HistoryAsync(load, members), Load.Policy);
        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    /// <summary>Has the server look for deadlocks before any lock_timeout can end them unseen.</summary>
    public Task WatchDeadlocksAsync() => ExecuteAsync(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''5ms''', current_database()); END $$");

    /// <summary>Deadlocks (40P01) that the server has ended in this database. Sessions tell of theirs at their end, so all but the asking one must have ended.</summary>
    public async Task<long> CountDeadlocksAsync()
    {
        Database.Clear();
        const string Others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
        await Eventually.HoldsAsync(async () => await Books.CountAsync(ConnectionString, Others) == 0, "every session has ended");
        return await Books.CountAsync(ConnectionString, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    }

    public async ValueTask DisposeAsync() => await Database.DisposeAsync();
}
