using System.Globalization;
using System.Security.Cryptography;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Bench.Host;

/// <summary>
/// A use as in the original system: every available lot of the member is read and locked, however many are needed. Everything else is as
/// in the product: two round trips, prepared statements, the same rules and the same writer.
/// </summary>
internal sealed class EveryLotLedger(NpgsqlDataSource dataSource, RulesProvider rules, TimeProvider clock) : IGuard
{
    private const string Timeouts = "SELECT set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true)";

    private const string LockLots =
        $"SELECT {LotRows.Columns} FROM point_accumulations AS a WHERE a.member_id = $1 AND a.is_open ORDER BY {LotRows.DrawOrder} FOR UPDATE";

    private const string LockWallet =
        "SELECT balance, manual_balance, version, last_entry_at FROM member_wallets WHERE member_id = $1 FOR UPDATE";

    public async Task<IReadOnlyList<CommandOutcome?>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, Func<Task<IReadOnlyList<CommandOutcome?>>> transaction, CancellationToken cancellationToken)
    {
        var command = commands.Single();
        var now = await rules.CurrentAsync(cancellationToken);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var account = await LoadAsync(connection, command.MemberId, now, rowLockWait, cancellationToken);
        var accounts = new Dictionary<long, MemberAccount> { [command.MemberId] = account };
        var outcome = command.Apply(accounts, new CommandContext(now.Policy, now.At, command.Actor, NewKey));
        await LedgerWriter.WriteAsync(connection, accounts.Values, [], clock.GetUtcNow(), cancellationToken);
        return [outcome];
    }

    private static async Task<MemberAccount> LoadAsync(
        NpgsqlConnection connection, long memberId, Rules now, TimeSpan rowLockWait, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Columns.Statement("BEGIN ISOLATION LEVEL READ COMMITTED"));
        batch.BatchCommands.Add(Columns.Statement(
            Timeouts, Columns.Value(((long)rowLockWait.TotalMilliseconds).ToString(CultureInfo.InvariantCulture))));
        batch.BatchCommands.Add(Columns.Statement(LockLots, Columns.Value(memberId)));
        batch.BatchCommands.Add(Columns.Statement(LockWallet, Columns.Value(memberId)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        var lots = new List<Lot>();
        while (await reader.ReadAsync(cancellationToken))
        {
            lots.Add(LotRows.Read(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        var wallet = await reader.ReadAsync(cancellationToken)
            ? new WalletState(memberId, reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetFieldValue<DateTimeOffset>(3))
            : WalletState.Empty(memberId);
        return new MemberAccount(wallet, lots, [], now.At);
    }

    internal static PointKey NewKey(PointKeyType type, long memberId)
    {
        Span<byte> entropy = stackalloc byte[PointKey.EntropyBytes];
        RandomNumberGenerator.Fill(entropy);
        return PointKey.Create(type, memberId, entropy);
    }
}
