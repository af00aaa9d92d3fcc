using System.Globalization;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>The first round trip of a write: begins the transaction, locks the wallets and loads what the commands need.</summary>
/// <remarks>
/// The statements are sent together, and each sees what was committed before it ran: those after the <c>FOR UPDATE</c> run when the locks
/// are held, so they see what the previous holder wrote.
/// </remarks>
internal static class LedgerLoader
{
    // Each statement must see what was committed before it ran, whatever the database's default is.
    private const string Begin = "BEGIN ISOLATION LEVEL READ COMMITTED";

    // Until the end of the transaction. The second one rolls back if this process is paused, or has vanished without closing its
    // connection.
    private const string Timeouts = "SELECT set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)";

    private const string CreateWallets =
        "INSERT INTO member_wallets (member_id) SELECT m FROM unnest($1) AS m ORDER BY m ON CONFLICT (member_id) DO NOTHING";

    // Sorted again outside, so that no row is sent before all are locked: an error between two rows of a result (the second one is busy)
    // leaves Npgsql 10.0.3 with a wrong record of the prepared statements of the connection. Locking may change rows, so the server does
    // sort again.
    private const string LockWallets =
        """
        SELECT * FROM (
            SELECT member_id, balance, manual_balance, version, last_entry_at
            FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE
        ) AS locked ORDER BY member_id
        """;

    // Without waiting: the columns of a wallet that another transaction has locked are null.
    private const string LockFreeWallets =
        """
        WITH locked AS MATERIALIZED (
            SELECT member_id, balance, manual_balance, version, last_entry_at
            FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE SKIP LOCKED
        )
        SELECT w.member_id, l.balance, l.manual_balance, l.version, l.last_entry_at
        FROM unnest($1) AS n (member_id) CROSS JOIN LATERAL (SELECT member_id FROM member_wallets WHERE member_id = n.member_id OFFSET 0) AS w
        LEFT JOIN locked AS l ON l.member_id = w.member_id
        """;

    // LATERAL with OFFSET 0, here and below, makes each row a separate look-up. Prepared plans live as long as their connection: a plan
    // made while the tables are nearly empty would scan them, or use another index, and would still do so when they are large.
    // Earlier versions store their answers in idempotency_keys, without the caller (docs/decisions/005).
    private const string Answers =
        """
        SELECT i.key, i.caller, i.member_id, i.request_hash, i.status, i.answer
        FROM unnest($1, $2) AS n (key, caller) CROSS JOIN LATERAL (
            SELECT key, caller, member_id, request_hash, status, answer, created_at FROM idempotency_answers WHERE key = n.key AND caller = n.caller
            UNION ALL
            SELECT key, '', member_id, request_hash, status, answer, created_at FROM idempotency_keys WHERE key = n.key
            OFFSET 0
        ) AS i
        WHERE i.created_at > $3 ORDER BY i.created_at DESC
        """;

    // The lots that the members in $1 may draw from. An amount that exceeds the balance plus all that earlier commands may add ($4) will
    // be refused, so no lots are loaded for it, even if other amounts of the same member can be drawn. Sums of requested amounts can
    // exceed bigint; no member has that many points.
    private static readonly string NeededLots = Needed(with: "", join: "", gain: "d.gain");

    // The same with cancellations of usages ($6, $7), which add at most what is left of these usages.
    private static readonly string NeededLotsWithCancellations = Needed(
        with:
        """
        WITH back AS MATERIALIZED (
            SELECT k.member_id, sum(u.total_amount - u.cancelled_amount)::bigint AS amount
            FROM unnest($6, $7) AS k (member_id, point_key)
            CROSS JOIN LATERAL (SELECT * FROM point_usages WHERE member_id = k.member_id AND point_key = k.point_key OFFSET 0) AS u
            GROUP BY k.member_id
        )

        """,
        join: "LEFT JOIN back AS b ON b.member_id = d.member_id",
        gain: "(d.gain + coalesce(b.amount, 0))");

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

    // Without the usages that commands name ($3): these are loaded in full, and earlier commands may change them. usage_id > 0 is always true: it is the
    // condition of the index.
    private const string StandingUsages =
        """
        SELECT n.member_id, n.order_number, u.point_key
        FROM unnest($1, $2) AS n (member_id, order_number)
        CROSS JOIN LATERAL (
            SELECT point_key FROM point_usages
            WHERE member_id = n.member_id AND order_number = n.order_number AND usage_id > 0 AND cancelled_amount < total_amount AND point_key <> ALL ($3)
            ORDER BY usage_id DESC LIMIT 1
        ) AS u
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

    /// <summary>Asks whether the transaction is still open.</summary>
    /// <exception cref="PostgresException">25P03: the server has ended it, because this process was paused.</exception>
    public static async Task AskAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement("SELECT 1"));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Loads what the plan declares. The transaction stays open on the connection; only empty wallets have been written.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="plan">What the commands need.</param>
    /// <param name="rules">The rules: they decide which lots are live, and whether usages of the orders are loaded.</param>
    /// <param name="answersSince">First answers older than this are not loaded.</param>
    /// <param name="times">
    /// The limits of the transaction to begin; null: loads again in the open transaction, which already holds the rows.
    /// </param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <param name="skipBusy">Does not wait for wallets that others have locked: they become <see cref="LoadedRows.Busy"/>.</param>
    public static async Task<LoadedRows> LoadAsync(
        NpgsqlConnection connection, LoadPlan plan, Rules rules, DateTimeOffset answersSince, RowLockTimes? times, CancellationToken cancellationToken,
        bool skipBusy = false)
    {
        var rows = new LoadedRows(plan, rules);
        await using var batch = Describe(connection, rows, answersSince, times, skipBusy);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);

        // In the order in which Describe adds them. Statements without rows (BEGIN, INSERT) have no result to skip.
        if (times is not null)
        {
            await reader.NextResultAsync(cancellationToken);
        }

        while (await reader.ReadAsync(cancellationToken))
        {
            if (reader.IsDBNull(1))
            {
                rows.Busy.Add(reader.GetInt64(0));
            }
            else
            {
                rows.Add(ReadWallet(reader));
            }
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.AddDrawable(LotRows.Read(reader));
        }

        if (plan.IdempotencyKeys.Count > 0)
        {
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Answers.Add(new StoredAnswer(
                    new IdempotencyKey(reader.GetString(0), reader.GetString(1)),
                    reader.GetInt64(2), reader.GetFieldValue<byte[]>(3), reader.GetInt16(4), reader.GetFieldValue<byte[]>(5)));
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

        if (rows.HasStandingUsages)
        {
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.AddStanding(reader.GetInt64(0), reader.GetString(1), LotRows.Key(reader.GetString(2)));
            }
        }

        return rows;
    }

    private static NpgsqlBatch Describe(NpgsqlConnection connection, LoadedRows rows, DateTimeOffset answersSince, RowLockTimes? times, bool skipBusy)
    {
        var batch = new NpgsqlBatch(connection);
        var (plan, statements) = (rows.Plan, batch.BatchCommands);
        if (times is { } limits)
        {
            statements.Add(Columns.Statement(Begin));
            statements.Add(Columns.Statement(Timeouts, Milliseconds(limits.LockWait), Milliseconds(limits.IdleMax)));
        }

        var receivers = plan.Members.Where(member => member.Create).ToList();
        if (receivers.Count > 0)
        {
            statements.Add(Columns.Statement(CreateWallets, Columns.Longs(receivers, member => member.MemberId)));
        }

        statements.Add(Columns.Statement(skipBusy ? LockFreeWallets : LockWallets, Columns.Longs(plan.Members, member => member.MemberId)));
        statements.Add(Needed(plan, rows.Today));
        if (plan.IdempotencyKeys.Count > 0)
        {
            statements.Add(Columns.Statement(
                Answers,
                Columns.Texts(plan.IdempotencyKeys, key => key.Text),
                Columns.Texts(plan.IdempotencyKeys, key => key.Caller),
                Columns.Value(answersSince.UtcDateTime)));
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

        if (rows.HasStandingUsages)
        {
            statements.Add(Columns.Statement(
                StandingUsages,
                Columns.Longs(plan.Orders, order => order.MemberId),
                Columns.Texts(plan.Orders, order => order.OrderNumber),
                Columns.Texts(plan.Usages, key => key.Value)));
        }

        return batch;
    }

    private static string Needed(string with, string join, string gain) =>
        $"""
        {with}SELECT {LotRows.Columns}
        FROM (
            SELECT d.member_id,
                least(coalesce(sum(d.amount::numeric * d.times) FILTER (WHERE d.amount <= w.balance + {gain}), 0), 4000000000000000000)::bigint AS need,
                coalesce(min(d.amount - {gain}) FILTER (WHERE d.amount > 0), 0) AS smallest
            FROM unnest($1, $2, $3, $4) AS d (member_id, amount, times, gain)
            CROSS JOIN LATERAL (SELECT balance FROM member_wallets WHERE member_id = d.member_id OFFSET 0) AS w
            {join}
            GROUP BY d.member_id
        ) AS n
        CROSS JOIN LATERAL load_lots(n.member_id, n.need, n.smallest, $5) AS a
        """;

    private static NpgsqlBatchCommand Needed(LoadPlan plan, DateOnly today)
    {
        var draws = plan.Draws();
        NpgsqlParameter[] values =
        [
            Columns.Longs(draws, draw => draw.MemberId),
            Columns.Longs(draws, draw => draw.Amount),
            Columns.Longs(draws, draw => draw.Times),
            Columns.Longs(draws, draw => draw.Gain),
            Columns.Value(today),
        ];
        return plan.Usages.Count == 0
            ? Columns.Statement(NeededLots, values)
            : Columns.Statement(
                NeededLotsWithCancellations,
                [.. values, Columns.Longs(plan.Usages, key => key.MemberId), Columns.Texts(plan.Usages, key => key.Value)]);
    }

    private static NpgsqlParameter Milliseconds(TimeSpan time) =>
        Columns.Value(((long)Math.Ceiling(time.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture));

    private static NpgsqlBatchCommand KeyedBy(string sql, IReadOnlyCollection<PointKey> keys) =>
        Columns.Statement(sql, Columns.Longs(keys, key => key.MemberId), Columns.Texts(keys, key => key.Value));

    private static async Task ReadUsagesAsync(NpgsqlDataReader reader, LoadedRows rows, CancellationToken cancellationToken)
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
}
