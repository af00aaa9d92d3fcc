using Npgsql;

namespace PointSystem.Tests.Infrastructure;

/// <summary>A transaction that the test keeps open, so that other sessions wait for its locks.</summary>
internal sealed class HeldTransaction : IAsyncDisposable
{
    private readonly string _connectionString;
    private readonly NpgsqlConnection _connection;

    private HeldTransaction(string connectionString)
    {
        _connectionString = connectionString;
        _connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
    }

    /// <summary>The process id of its session on the server.</summary>
    public int ProcessId => _connection.ProcessID;

    /// <summary>Begins a transaction and locks the wallets of these members in ascending order.</summary>
    public static Task<HeldTransaction> LockWalletsAsync(string connectionString, params IReadOnlyCollection<long> members) => BeginAsync(
        connectionString, "SELECT 1 FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE", (object)members.ToArray());

    /// <summary>Begins a transaction with a statement.</summary>
    public static async Task<HeldTransaction> BeginAsync(string connectionString, string sql, params IReadOnlyList<object> values)
    {
        var transaction = new HeldTransaction(connectionString);
        await transaction._connection.OpenAsync(Token);
        await transaction.ExecuteAsync("BEGIN");
        await transaction.ExecuteAsync(sql, values);
        return transaction;
    }

    public async Task ExecuteAsync(string sql, params IReadOnlyList<object> values)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(Token);
    }

    /// <summary>Waits until that many other sessions wait for the transaction.</summary>
    public Task WaitForWaitersAsync(int count = 1) => Eventually.HoldsAsync(
        async () => await Books.BlockedByAsync(_connectionString, _connection.ProcessID) >= count, $"{count} sessions wait for the transaction");

    public Task CommitAsync() => ExecuteAsync("COMMIT");

    public Task RollbackAsync() => ExecuteAsync("ROLLBACK");

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
