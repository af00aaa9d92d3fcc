using System.Globalization;
using Npgsql;
using PointSystem.Api.Persistence;
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
    // Until the end of the transaction. The second one rolls back for a process that is paused, or gone without its host's saying so.
    private const string Timeouts = "SELECT set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)";

    private const string MakeWallets =
        "INSERT INTO member_wallets (member_id) SELECT m FROM unnest($1) AS m ORDER BY m ON CONFLICT (member_id) DO NOTHING";

    private const string LockWallets =
        """
        SELECT member_id, balance, manual_balance, version, last_entry_at
        FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE
        """;

    // LATERAL with OFFSET 0, here and below, makes each row a look-up of its own. Prepared plans live as long as their connection: one made while the
    // tables are nearly empty would rather read them whole, or go by another index, and go on doing so when they are not.
    private const string Answers =
        """
        SELECT i.key, i.request_hash, i.status, i.answer
        FROM unnest($1) AS n (key) CROSS JOIN LATERAL (SELECT * FROM idempotency_keys WHERE key = n.key OFFSET 0) AS i
        WHERE i.created_at > $2 ORDER BY i.created_at DESC
        """;

    private const string NeededLots =
        $"""
        SELECT {LotRows.Columns}
        FROM unnest($1, $2, $3) AS n (member_id, need, smallest)
        CROSS JOIN LATERAL load_lots(n.member_id, n.need, n.smallest, $4) AS a
        """;

    private const string NamedLots =
        $"""
        SELECT {LotRows.Columns}
        FROM unnest($1, $2) AS n (member_id, point_key)
        CROSS JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = n.member_id AND point_key = n.point_key OFFSET 0) AS a
        """;

    private const string Usages =
        """
        SELECT u.member_id, u.usage_id, u.point_key, u.order_number, u.total_amount, u.cancelled_amount, u.created_at, u.updated_at
        FROM unnest($1, $2) AS n (member_id, point_key)
        CROSS JOIN LATERAL (SELECT * FROM point_usages WHERE member_id = n.member_id AND point_key = n.point_key OFFSET 0) AS u
        """;

    private const string UsageDetails =
        $"""
        SELECT {LotRows.Columns}, d.usage_id, d.detail_number, d.amount, d.cancelled_amount
        FROM unnest($1, $2) AS n (member_id, point_key)
        CROSS JOIN LATERAL (SELECT * FROM point_usages WHERE member_id = n.member_id AND point_key = n.point_key OFFSET 0) AS u
        CROSS JOIN LATERAL (SELECT * FROM point_usage_details WHERE member_id = u.member_id AND usage_id = u.usage_id OFFSET 0) AS d
        CROSS JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = d.member_id AND lot_id = d.lot_id OFFSET 0) AS a
        ORDER BY d.member_id, d.usage_id, d.detail_number
        """;

    /// <summary>Loads what the plan names. The transaction stays open on the connection; nothing has been written but empty wallets.</summary>
    public static async Task<LoadedAccounts> LoadAsync(
        NpgsqlConnection connection, LoadPlan plan, BusinessMoment at, DateTimeOffset answersSince, RowTimes times, CancellationToken cancellationToken)
    {
        await using var batch = Describe(connection, plan, at, answersSince, times);
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
            rows.AddDrawable(LotRows.Read(reader), at.Today);
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
                rows.Add(LotRows.Read(reader));
            }
        }

        if (plan.Usages.Count > 0)
        {
            await ReadUsagesAsync(reader, rows, cancellationToken);
        }

        return rows.Build(plan, at);
    }

    private static NpgsqlBatch Describe(
        NpgsqlConnection connection, LoadPlan plan, BusinessMoment at, DateTimeOffset answersSince, RowTimes times)
    {
        var batch = new NpgsqlBatch(connection);
        var statements = batch.BatchCommands;
        statements.Add(Columns.Statement("BEGIN"));
        statements.Add(Columns.Statement(Timeouts, Milliseconds(times.LockWait), Milliseconds(times.IdleMax)));
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
            Columns.Longs(plan.Members, member => member.MayGain ? 0 : member.Smallest),
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

    private static NpgsqlParameter Milliseconds(TimeSpan time) =>
        Columns.Value(((long)Math.Ceiling(time.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture));

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
            var lot = rows.Add(LotRows.Read(reader));
            details[(lot.MemberId, reader.GetInt64(LotRows.Count))].Add(new UsageDetail
            {
                Number = reader.GetInt32(LotRows.Count + 1),
                LotId = lot.Id,
                LotKey = lot.Key,
                Amount = reader.GetInt64(LotRows.Count + 2),
                CancelledAmount = reader.GetInt64(LotRows.Count + 3),
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

    private static Usage ReadUsage(NpgsqlDataReader reader, out List<UsageDetail> details) => new()
    {
        MemberId = reader.GetInt64(0),
        Id = reader.GetInt64(1),
        Key = LotRows.Key(reader.GetString(2)),
        OrderNumber = reader.GetString(3),
        TotalAmount = reader.GetInt64(4),
        CancelledAmount = reader.GetInt64(5),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
        UpdatedAt = reader.GetFieldValue<DateTimeOffset>(7),
        Details = details = [],
    };

    /// <summary>Gathers rows by member.</summary>
    private sealed class Rows
    {
        private readonly Dictionary<long, WalletState> _wallets = [];
        private readonly Dictionary<(long Member, long Lot), Lot> _lots = [];
        private readonly Dictionary<long, Lot> _loadedThrough = [];
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

        /// <summary>A lot that the draw order brought up: every lot before it is loaded too.</summary>
        public void AddDrawable(Lot lot, DateOnly today)
        {
            Add(lot);
            if (lot.IsLiveOn(today) && (!_loadedThrough.TryGetValue(lot.MemberId, out var last) || DrawOrder.Instance.Compare(lot, last) > 0))
            {
                _loadedThrough[lot.MemberId] = lot;
            }
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
                accounts.Add(id, new MemberAccount(wallet, lots[id], usages[id], at, _loadedThrough.GetValueOrDefault(id)));
            }

            return new LoadedAccounts(accounts, Answers);
        }
    }
}
