using System.Globalization;
using Npgsql;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Ledger;

/// <summary>The first round trip of a write: begins the transaction, locks the wallets and loads what the commands need.</summary>
/// <remarks>
/// The statements travel together, and each sees what was committed before it ran: those behind the <c>FOR UPDATE</c> run when the locks are held,
/// so they read what the previous holder wrote.
/// </remarks>
internal static class LedgerLoader
{
    private const string Lot =
        """
        a.member_id, a.lot_id, a.point_key, a.amount, a.available_amount, a.used_amount, a.cancelled_amount, a.expired_amount,
        a.expiration_date, a.is_manual_grant, a.source_point_key, a.created_at, a.updated_at
        """;

    private const int LotColumns = 13;

    private const string LockTimeout = "SELECT set_config('lock_timeout', $1, true)";

    private const string MakeWallets =
        "INSERT INTO member_wallets (member_id) SELECT m FROM unnest($1) AS m ORDER BY m ON CONFLICT (member_id) DO NOTHING";

    private const string LockWallets =
        """
        SELECT member_id, balance, manual_balance, version, last_entry_at
        FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE
        """;

    private const string Answers =
        "SELECT key, request_hash, status, answer FROM idempotency_keys WHERE key = ANY ($1) AND created_at > $2 ORDER BY created_at DESC";

    private const string NeededLots =
        $"""
        SELECT {Lot}
        FROM unnest($1, $2, $3) AS n (member_id, need, smallest)
        CROSS JOIN LATERAL load_lots(n.member_id, n.need, n.smallest, $4) AS a
        """;

    private const string NamedLots =
        $"""
        SELECT {Lot}
        FROM unnest($1, $2) AS n (member_id, point_key)
        JOIN point_accumulations AS a ON a.member_id = n.member_id AND a.point_key = n.point_key
        """;

    private const string Usages =
        """
        SELECT u.member_id, u.usage_id, u.point_key, u.order_number, u.total_amount, u.cancelled_amount, u.created_at, u.updated_at
        FROM unnest($1, $2) AS n (member_id, point_key)
        JOIN point_usages AS u ON u.member_id = n.member_id AND u.point_key = n.point_key
        """;

    private const string UsageDetails =
        $"""
        SELECT {Lot}, d.usage_id, d.detail_number, d.amount, d.cancelled_amount
        FROM unnest($1, $2) AS n (member_id, point_key)
        JOIN point_usages AS u ON u.member_id = n.member_id AND u.point_key = n.point_key
        JOIN point_usage_details AS d ON d.member_id = u.member_id AND d.usage_id = u.usage_id
        JOIN point_accumulations AS a ON a.member_id = d.member_id AND a.lot_id = d.lot_id
        ORDER BY d.member_id, d.usage_id, d.detail_number
        """;

    /// <summary>Loads what the plan names. The transaction stays open on the connection; nothing has been written but empty wallets.</summary>
    public static async Task<LoadedAccounts> LoadAsync(
        NpgsqlConnection connection, LoadPlan plan, BusinessMoment at, DateTimeOffset answersSince, TimeSpan rowLockWait, CancellationToken cancellationToken)
    {
        await using var batch = Describe(connection, plan, at, answersSince, rowLockWait);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var rows = new Rows();

        // In the order in which Describe adds them; statements without rows (BEGIN, INSERT) have no result to step over.
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(ReadWallet(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(ReadLot(reader));
        }

        if (plan.IdempotencyKeys.Count > 0)
        {
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Answers.TryAdd(
                    reader.GetString(0), new StoredAnswer(reader.GetFieldValue<byte[]>(1), reader.GetInt16(2), reader.GetFieldValue<byte[]>(3)));
            }
        }

        if (plan.Lots.Count > 0)
        {
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(ReadLot(reader));
            }
        }

        if (plan.Usages.Count > 0)
        {
            await ReadUsagesAsync(reader, rows, cancellationToken);
        }

        return rows.Build(plan, at);
    }

    private static NpgsqlBatch Describe(
        NpgsqlConnection connection, LoadPlan plan, BusinessMoment at, DateTimeOffset answersSince, TimeSpan rowLockWait)
    {
        var batch = new NpgsqlBatch(connection);
        var statements = batch.BatchCommands;
        statements.Add(Columns.Statement("BEGIN"));
        statements.Add(Columns.Statement(
            LockTimeout, Columns.Value(((long)Math.Ceiling(rowLockWait.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture))));
        var receivers = plan.Members.Where(member => member.Create).ToList();
        if (receivers.Count > 0)
        {
            statements.Add(Columns.Statement(MakeWallets, Columns.Longs(receivers, member => member.MemberId)));
        }

        statements.Add(Columns.Statement(LockWallets, Columns.Longs(plan.Members, member => member.MemberId)));
        statements.Add(Columns.Statement(
            NeededLots,
            Columns.Longs(plan.Members, member => member.MemberId),
            Columns.Longs(plan.Members, member => member.Points),
            Columns.Longs(plan.Members, member => member.Smallest),
            Columns.Value(at.Today)));
        if (plan.IdempotencyKeys.Count > 0)
        {
            statements.Add(Columns.Statement(
                Answers, Columns.Texts(plan.IdempotencyKeys, key => key), Columns.Value(answersSince.UtcDateTime)));
        }

        if (plan.Lots.Count > 0)
        {
            statements.Add(KeyedBy(NamedLots, plan.Lots));
        }

        if (plan.Usages.Count > 0)
        {
            statements.Add(KeyedBy(Usages, plan.Usages));
            statements.Add(KeyedBy(UsageDetails, plan.Usages));
        }

        return batch;
    }

    private static NpgsqlBatchCommand KeyedBy(string sql, IReadOnlyCollection<PointKey> keys) =>
        Columns.Statement(sql, Columns.Longs(keys, key => key.MemberId), Columns.Texts(keys, key => key.Value));

    private static async Task ReadUsagesAsync(NpgsqlDataReader reader, Rows rows, CancellationToken cancellationToken)
    {
        var details = new Dictionary<(long Member, long Usage), List<UsageDetail>>();
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var usage = ReadUsage(reader, out var itsDetails);
            details.Add((usage.MemberId, usage.Id), itsDetails);
            rows.Add(usage);
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var lot = rows.Add(ReadLot(reader));
            details[(lot.MemberId, reader.GetInt64(LotColumns))].Add(new UsageDetail
            {
                Number = reader.GetInt32(LotColumns + 1),
                LotId = lot.Id,
                LotKey = lot.Key,
                Amount = reader.GetInt64(LotColumns + 2),
                CancelledAmount = reader.GetInt64(LotColumns + 3),
            });
        }
    }

    private static WalletState ReadWallet(NpgsqlDataReader reader) =>
        new(
            reader.GetInt64(0),
            reader.GetInt64(1),
            reader.GetInt64(2),
            reader.GetInt64(3),
            reader.IsDBNull(4) ? DateTimeOffset.MinValue : reader.GetFieldValue<DateTimeOffset>(4));

    private static Lot ReadLot(NpgsqlDataReader reader) => new()
    {
        MemberId = reader.GetInt64(0),
        Id = reader.GetInt64(1),
        Key = Key(reader.GetString(2)),
        Amount = reader.GetInt64(3),
        Available = reader.GetInt64(4),
        Used = reader.GetInt64(5),
        Cancelled = reader.GetInt64(6),
        Expired = reader.GetInt64(7),
        ExpirationDate = reader.GetFieldValue<DateOnly>(8),
        IsManualGrant = reader.GetBoolean(9),
        SourceKey = reader.IsDBNull(10) ? null : Key(reader.GetString(10)),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(11),
        UpdatedAt = reader.GetFieldValue<DateTimeOffset>(12),
    };

    private static Usage ReadUsage(NpgsqlDataReader reader, out List<UsageDetail> details) => new()
    {
        MemberId = reader.GetInt64(0),
        Id = reader.GetInt64(1),
        Key = Key(reader.GetString(2)),
        OrderNumber = reader.GetString(3),
        TotalAmount = reader.GetInt64(4),
        CancelledAmount = reader.GetInt64(5),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
        UpdatedAt = reader.GetFieldValue<DateTimeOffset>(7),
        Details = details = [],
    };

    private static PointKey Key(string text) =>
        PointKey.TryParse(text, out var key) ? key : throw new InvalidOperationException($"The database holds '{text}', which is no point key.");

    /// <summary>Gathers rows by member.</summary>
    private sealed class Rows
    {
        private readonly Dictionary<long, WalletState> _wallets = [];
        private readonly Dictionary<(long Member, long Lot), Lot> _lots = [];
        private readonly List<Usage> _usages = [];

        public Dictionary<string, StoredAnswer> Answers { get; } = new(StringComparer.Ordinal);

        public void Add(WalletState wallet) => _wallets.Add(wallet.MemberId, wallet);

        public void Add(Usage usage) => _usages.Add(usage);

        /// <summary>One object for each lot, however many statements return it.</summary>
        public Lot Add(Lot lot)
        {
            if (_lots.TryAdd((lot.MemberId, lot.Id), lot))
            {
                return lot;
            }

            return _lots[(lot.MemberId, lot.Id)];
        }

        public LoadedAccounts Build(LoadPlan plan, BusinessMoment at)
        {
            var lots = _lots.Values.ToLookup(lot => lot.MemberId);
            var usages = _usages.ToLookup(usage => usage.MemberId);
            var accounts = new Dictionary<long, MemberAccount>(plan.Members.Count);
            foreach (var member in plan.Members)
            {
                var id = member.MemberId;
                var wallet = _wallets.TryGetValue(id, out var found) ? found : WalletState.Empty(id);
                accounts.Add(id, new MemberAccount(wallet, lots[id], usages[id], at));
            }

            return new LoadedAccounts(accounts, Answers);
        }
    }
}
