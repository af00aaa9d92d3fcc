using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>The second and last round trip of a write: all changes of the commands, as sets, and the commit.</summary>
/// <remarks>
/// The statements are sent together. If one fails, the server skips the rest, including the COMMIT, so nothing is written in part. If
/// another transaction had written a wallet since it was locked (which the row lock prevents), the primary key of the ledger would refuse
/// the second entry with that sequence.
/// </remarks>
internal static class LedgerWriter
{
    private const string InsertEntries =
        """
        INSERT INTO point_ledger_entries
            (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor, reason)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """;

    private const string InsertLots =
        """
        INSERT INTO point_accumulations
            (member_id, lot_id, point_key, amount, available_amount, used_amount, cancelled_amount, expired_amount,
             expiration_date, is_manual_grant, source_point_key, created_at, updated_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """;

    // "= ANY" is redundant, but with it no plan of the join reads rows of other members, not even one made while the table was nearly
    // empty.
    private const string UpdateLots =
        """
        UPDATE point_accumulations AS a
        SET available_amount = n.available, used_amount = n.used, cancelled_amount = n.cancelled, expired_amount = n.expired, updated_at = n.updated_at
        FROM unnest($1, $2, $3, $4, $5, $6, $7) AS n (member_id, lot_id, available, used, cancelled, expired, updated_at)
        WHERE a.member_id = n.member_id AND a.lot_id = n.lot_id AND a.member_id = ANY ($1)
        """;

    private const string InsertUsages =
        """
        INSERT INTO point_usages (member_id, usage_id, point_key, order_number, total_amount, cancelled_amount, created_at, updated_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
        """;

    private const string InsertDetails =
        """
        INSERT INTO point_usage_details (member_id, usage_id, detail_number, lot_id, amount, cancelled_amount)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        """;

    private const string UpdateUsages =
        """
        UPDATE point_usages AS u SET cancelled_amount = n.cancelled, updated_at = n.updated_at
        FROM unnest($1, $2, $3, $4) AS n (member_id, usage_id, cancelled, updated_at)
        WHERE u.member_id = n.member_id AND u.usage_id = n.usage_id AND u.member_id = ANY ($1)
        """;

    private const string UpdateDetails =
        """
        UPDATE point_usage_details AS d SET cancelled_amount = n.cancelled
        FROM unnest($1, $2, $3, $4) AS n (member_id, usage_id, detail_number, cancelled)
        WHERE d.member_id = n.member_id AND d.usage_id = n.usage_id AND d.detail_number = n.detail_number AND d.member_id = ANY ($1)
        """;

    private const string InsertCancellations =
        """
        INSERT INTO usage_cancellations (member_id, first_sequence, last_sequence, point_key, usage_id, amount, reason, created_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
        """;

    private const string InsertTransfers =
        """
        INSERT INTO point_transfers (member_id, first_sequence, point_key, to_member_id, amount, reason, created_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
        """;

    private const string UpdateWallets =
        """
        UPDATE member_wallets AS w
        SET balance = n.balance, manual_balance = n.manual_balance, version = n.version, last_entry_at = n.last_entry_at
        FROM unnest($1, $2, $3, $4, $5) AS n (member_id, balance, manual_balance, version, last_entry_at)
        WHERE w.member_id = n.member_id AND w.member_id = ANY ($1)
        """;

    // The key may already have a row. An expired row is replaced. A row written since the answers were loaded (possible if the member has
    // no wallet to lock) means that this request already has an answer, which may have been sent. Then a null hash violates NOT NULL and
    // aborts the whole transaction (DatabaseErrors.IsAlreadyAnswered). Ordered by key, so that two such transactions cannot deadlock.
    private const string StoreAnswers =
        """
        INSERT INTO idempotency_answers (key, caller, member_id, request_hash, status, answer, created_at)
        SELECT n.*, $7 FROM unnest($1, $2, $3, $4, $5, $6) AS n (key, caller, member_id, request_hash, status, answer)
        ORDER BY n.key, n.caller, n.member_id
        ON CONFLICT (key, caller, member_id) DO UPDATE
        SET request_hash = CASE WHEN idempotency_answers.created_at <= $8 THEN excluded.request_hash END,
            status = excluded.status, answer = excluded.answer, created_at = excluded.created_at
        """;

    /// <summary>The end of a write that has something to write.</summary>
    public const string Commit = "COMMIT";

    /// <summary>The end of a write that has nothing to write, and of a rehearsal.</summary>
    public const string Rollback = "ROLLBACK";

    /// <summary>Writes and commits; if there is nothing to write, rolls back.</summary>
    /// <param name="connection">The connection with the open transaction.</param>
    /// <param name="accounts">The accounts after all commands.</param>
    /// <param name="answers">First answers to store.</param>
    /// <param name="now">The real time, for the answers and the audit.</param>
    /// <param name="cancellationToken">Cancels the write. If the COMMIT has not been reached, nothing is written.</param>
    /// <param name="end">The last statement; null leaves the transaction open.</param>
    /// <param name="audited">Entries of the audit.</param>
    public static async Task WriteAsync(
        NpgsqlConnection connection,
        IEnumerable<MemberAccount> accounts,
        IReadOnlyCollection<StoredAnswer> answers,
        DateTimeOffset now,
        CancellationToken cancellationToken,
        string? end = Commit,
        IReadOnlyCollection<AuditEntry>? audited = null)
    {
        await using var batch = new NpgsqlBatch(connection);
        var changed = accounts.Where(account => !account.Changes.IsEmpty).ToList();
        if (changed.Count > 0)
        {
            AddChanges(batch.BatchCommands, changed);
        }

        if (answers.Count > 0)
        {
            batch.BatchCommands.Add(Columns.Statement(
                StoreAnswers,
                Columns.Texts(answers, answer => answer.Key.Text),
                Columns.Texts(answers, answer => answer.Key.Caller),
                Columns.Longs(answers, answer => answer.MemberId),
                Columns.Bytes(answers, answer => answer.RequestHash),
                Columns.Shorts(answers, answer => answer.Status),
                Columns.Bytes(answers, answer => answer.Answer),
                Columns.Value(now),
                Columns.Value(now - Idempotency.Retention)));
        }

        if (audited is { Count: > 0 })
        {
            batch.BatchCommands.Add(AdminAudit.Statement(audited, now));
        }

        if (end is not null)
        {
            // With nothing to write, the rollback also removes the empty wallets created for receivers.
            batch.BatchCommands.Add(Columns.Statement(batch.BatchCommands.Count > 0 ? end : Rollback));
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddChanges(NpgsqlBatchCommandCollection statements, List<MemberAccount> accounts)
    {
        void Add<T>(string sql, List<T> rows, Func<List<T>, NpgsqlParameter[]> columns)
        {
            if (rows.Count > 0)
            {
                statements.Add(Columns.Statement(sql, columns(rows)));
            }
        }

        List<T> All<T>(Func<MemberAccount, IEnumerable<T>> rows) => [.. accounts.SelectMany(rows)];

        var newUsages = All(account => account.Changes.NewUsages);
        Add(InsertLots, All(account => account.Changes.NewLots), NewLotColumns);
        Add(UpdateLots, All(account => account.Changes.ChangedLots), ChangedLotColumns);
        Add(InsertUsages, newUsages, NewUsageColumns);
        Add(InsertDetails, [.. newUsages.SelectMany(usage => usage.Details, (usage, detail) => (usage, detail))], NewDetailColumns);
        Add(UpdateUsages, All(account => account.Changes.ChangedUsages), ChangedUsageColumns);
        Add(UpdateDetails, All(account => account.Changes.ChangedDetails), ChangedDetailColumns);
        Add(InsertCancellations, All(account => account.Changes.Cancellations), CancellationColumns);
        Add(InsertTransfers, All(account => account.Changes.Transfers), TransferColumns);
        Add(InsertEntries, All(account => account.Changes.Entries), EntryColumns);
        Add(UpdateWallets, accounts.ConvertAll(account => account.Wallet), WalletColumns);
    }

    private static NpgsqlParameter[] EntryColumns(List<LedgerEntry> entries) =>
    [
        Columns.Longs(entries, entry => entry.MemberId),
        Columns.Longs(entries, entry => entry.Sequence),
        Columns.Longs(entries, entry => entry.GroupSequence),
        Columns.Texts(entries, entry => WireNames.Of(entry.Kind)),
        Columns.Texts(entries, entry => entry.PointKey.Value),
        Columns.Longs(entries, entry => entry.LotId),
        Columns.Longs(entries, entry => entry.Delta),
        Columns.Longs(entries, entry => entry.BalanceAfter),
        Columns.Instants(entries, entry => entry.OccurredAt),
        Columns.Texts(entries, entry => entry.Actor),
        Columns.Texts(entries, entry => entry.Reason),
    ];

    private static NpgsqlParameter[] NewLotColumns(List<Lot> lots) =>
    [
        Columns.Longs(lots, lot => lot.MemberId),
        Columns.Longs(lots, lot => lot.Id),
        Columns.Texts(lots, lot => lot.Key.Value),
        Columns.Longs(lots, lot => lot.Amount),
        Columns.Longs(lots, lot => lot.Available),
        Columns.Longs(lots, lot => lot.Used),
        Columns.Longs(lots, lot => lot.Cancelled),
        Columns.Longs(lots, lot => lot.Expired),
        Columns.Dates(lots, lot => lot.ExpirationDate),
        Columns.Flags(lots, lot => lot.IsManualGrant),
        Columns.Texts(lots, lot => lot.SourceKey?.Value),
        Columns.Instants(lots, lot => lot.CreatedAt),
        Columns.Instants(lots, lot => lot.UpdatedAt),
    ];

    private static NpgsqlParameter[] ChangedLotColumns(List<Lot> lots) =>
    [
        Columns.Longs(lots, lot => lot.MemberId),
        Columns.Longs(lots, lot => lot.Id),
        Columns.Longs(lots, lot => lot.Available),
        Columns.Longs(lots, lot => lot.Used),
        Columns.Longs(lots, lot => lot.Cancelled),
        Columns.Longs(lots, lot => lot.Expired),
        Columns.Instants(lots, lot => lot.UpdatedAt),
    ];

    private static NpgsqlParameter[] NewUsageColumns(List<Usage> usages) =>
    [
        Columns.Longs(usages, usage => usage.MemberId),
        Columns.Longs(usages, usage => usage.Id),
        Columns.Texts(usages, usage => usage.Key.Value),
        Columns.Texts(usages, usage => usage.OrderNumber),
        Columns.Longs(usages, usage => usage.TotalAmount),
        Columns.Longs(usages, usage => usage.CancelledAmount),
        Columns.Instants(usages, usage => usage.CreatedAt),
        Columns.Instants(usages, usage => usage.UpdatedAt),
    ];

    private static NpgsqlParameter[] NewDetailColumns(List<(Usage Usage, UsageDetail Detail)> details) =>
    [
        Columns.Longs(details, row => row.Usage.MemberId),
        Columns.Longs(details, row => row.Usage.Id),
        Columns.Ints(details, row => row.Detail.Number),
        Columns.Longs(details, row => row.Detail.LotId),
        Columns.Longs(details, row => row.Detail.Amount),
        Columns.Longs(details, row => row.Detail.CancelledAmount),
    ];

    private static NpgsqlParameter[] ChangedUsageColumns(List<Usage> usages) =>
    [
        Columns.Longs(usages, usage => usage.MemberId),
        Columns.Longs(usages, usage => usage.Id),
        Columns.Longs(usages, usage => usage.CancelledAmount),
        Columns.Instants(usages, usage => usage.UpdatedAt),
    ];

    private static NpgsqlParameter[] ChangedDetailColumns(List<(Usage Usage, UsageDetail Detail)> details) =>
    [
        Columns.Longs(details, row => row.Usage.MemberId),
        Columns.Longs(details, row => row.Usage.Id),
        Columns.Ints(details, row => row.Detail.Number),
        Columns.Longs(details, row => row.Detail.CancelledAmount),
    ];

    private static NpgsqlParameter[] CancellationColumns(List<Cancellation> cancellations) =>
    [
        Columns.Longs(cancellations, row => row.Usage.MemberId),
        Columns.Longs(cancellations, row => row.FirstSequence),
        Columns.Longs(cancellations, row => row.LastSequence),
        Columns.Texts(cancellations, row => row.Key.Value),
        Columns.Longs(cancellations, row => row.Usage.Id),
        Columns.Longs(cancellations, row => row.Amount),
        Columns.Texts(cancellations, row => row.Reason),
        Columns.Instants(cancellations, row => row.CreatedAt),
    ];

    private static NpgsqlParameter[] TransferColumns(List<Transfer> transfers) =>
    [
        Columns.Longs(transfers, row => row.FromMemberId),
        Columns.Longs(transfers, row => row.FirstSequence),
        Columns.Texts(transfers, row => row.Key.Value),
        Columns.Longs(transfers, row => row.ToMemberId),
        Columns.Longs(transfers, row => row.Amount),
        Columns.Texts(transfers, row => row.Reason),
        Columns.Instants(transfers, row => row.CreatedAt),
    ];

    private static NpgsqlParameter[] WalletColumns(List<WalletState> wallets) =>
    [
        Columns.Longs(wallets, wallet => wallet.MemberId),
        Columns.Longs(wallets, wallet => wallet.Balance),
        Columns.Longs(wallets, wallet => wallet.ManualBalance),
        Columns.Longs(wallets, wallet => wallet.Version),
        Columns.Instants(wallets, wallet => wallet.LastEntryAt),
    ];
}
