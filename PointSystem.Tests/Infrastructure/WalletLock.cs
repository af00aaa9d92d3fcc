using Npgsql;

namespace PointSystem.Tests.Infrastructure;

/// <summary>The row locks on some wallets, held by a session of the test until they are released.</summary>
internal sealed class WalletLock : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly string _connectionString;

    private WalletLock(string connectionString)
    {
        _connectionString = connectionString;
        _connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
    }

    /// <summary>Locks the wallets of these members in ascending order.</summary>
    public static async Task<WalletLock> TakeAsync(string connectionString, params IReadOnlyCollection<long> members)
    {
        var held = new WalletLock(connectionString);
        await held._connection.OpenAsync(Token);
        await held.ExecuteAsync("BEGIN");
        await using var command = new NpgsqlCommand(
            "SELECT 1 FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE", held._connection);
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. members] });
        await command.ExecuteNonQueryAsync(Token);
        return held;
    }

    /// <summary>Waits until that many other sessions wait for the locks.</summary>
    public Task WaitForWaitersAsync(int count = 1) => Eventually.HoldsAsync(
        async () => await Books.BlockedByAsync(_connectionString, _connection.ProcessID) >= count, $"{count} sessions wait for a wallet");

    /// <summary>Releases all locks.</summary>
    public Task ReleaseAsync() => ExecuteAsync("ROLLBACK");

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync(Token);
    }
}
