using System.Data;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>Compares wallets, ledger, lots and usages of members (docs/rules.md, "Reconciliation").</summary>
/// <remarks>Inspections use the read pool, so that no write waits for them; corrections use the write pool.</remarks>
internal sealed class MemberReconciler(
    NpgsqlDataSource writes,
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource reads,
    IOptions<ReconciliationOptions> options,
    TimeProvider clock,
    ReconciliationMetrics metrics,
    ILogger<MemberReconciler> logger)
{
    /// <summary>Maximum number of findings in the report of one member.</summary>
    public const int FindingsMax = 100;

    // An event of the audit stays small.
    private const int FindingsAudited = 10;

    // The server ends a transaction that holds the wallet row while this process is paused.
    private const string Timeouts = "SELECT set_config('lock_timeout', '5000', true), set_config('idle_in_transaction_session_timeout', '10000', true)";
    private const string LockWallet = "SELECT 1 FROM member_wallets WHERE member_id = $1 FOR UPDATE";

    // Added to the server's statement timeout, so that the client gives up only if the server does not answer.
    private static readonly TimeSpan ClientGrace = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Reconciles one member: inspects it without holding its row, and locks the row only to correct a derived figure. It leaves one entry in the
    /// audit, whatever the result.
    /// </summary>
    public async Task<MemberReport> ReconcileAsync(long memberId, AuditOrigin origin, CancellationToken cancellationToken)
    {
        var report = (await InspectAsync([memberId], FindingsMax, cancellationToken))[0];
        report = report.Status == MemberReport.Corrected
            ? await CorrectAsync(memberId, FindingsMax, origin, runId: null, cancellationToken)
            : Count(report);
        if (report.Status != MemberReport.Corrected)
        {
            var entry = Audited(report, report, origin, runId: null);
            await writes.RunAsync(
                async attempt =>
                {
                    attempt.HasBegunToWrite = true;
                    await AdminAudit.WriteAsync(attempt.Connection, entry, clock.GetUtcNow(), cancellationToken);
                    return entry;
                },
                logger,
                cancellationToken);
        }

        return report;
    }

    /// <summary>
    /// Inspects members in one snapshot, without locks. CORRECTED in the result means that a figure needs correction; nothing is counted.
    /// </summary>
    public Task<IReadOnlyList<MemberReport>> InspectAsync(IReadOnlyCollection<long> members, int findings, CancellationToken cancellationToken) =>
        reads.RunAsync(connection => InspectAsync(connection, members, findings, cancellationToken), cancellationToken);

    private async Task<IReadOnlyList<MemberReport>> InspectAsync(
        NpgsqlConnection connection, IReadOnlyCollection<long> members, int findings, CancellationToken cancellationToken)
    {
        var limit = members.Count == 1 ? options.Value.MemberTimeout : options.Value.ChunkTimeout;
        await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        return await ReadAsync(connection, members, findings, limit, cancellationToken);
    }

    /// <summary>
    /// Inspects a member again while holding its row, and corrects derived figures if nothing else is wrong. A correction is in the audit.
    /// </summary>
    public async Task<MemberReport> CorrectAsync(long memberId, int findings, AuditOrigin origin, long? runId, CancellationToken cancellationToken) =>
        Count(await writes.RunAsync(attempt => CorrectAsync(attempt, memberId, findings, origin, runId, cancellationToken), logger, cancellationToken));

    private async Task<MemberReport> CorrectAsync(
        Connections.Attempt attempt, long memberId, int findings, AuditOrigin origin, long? runId, CancellationToken cancellationToken)
    {
        var (connection, limit) = (attempt.Connection, options.Value.MemberTimeout);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        await ExecuteAsync(connection, limit, cancellationToken, Columns.Statement(Timeouts), Columns.Statement(LockWallet, Columns.Value(memberId)));
        var report = (await ReadAsync(connection, [memberId], findings, limit, cancellationToken))[0];
        if (report.Status == MemberReport.Corrected)
        {
            // Not repeated from here on: a second attempt would find nothing to correct, and the correction would not be reported.
            attempt.HasBegunToWrite = true;
            var members = new[] { memberId };
            var corrected = report with { WalletBalance = report.LedgerBalance, LotsBalance = report.LedgerBalance };
            await ExecuteAsync(
                connection,
                limit,
                cancellationToken,
                Columns.Statement(ReconciliationSql.CorrectLots, Columns.Longs(members, id => id)),
                Columns.Statement(ReconciliationSql.CorrectWallets, Columns.Longs(members, id => id)),
                AdminAudit.Statement([Audited(report, corrected, origin, runId)], clock.GetUtcNow()));
            await transaction.CommitAsync(cancellationToken);
        }

        return report;
    }

    /// <summary>Counts and logs a final report.</summary>
    public MemberReport Count(MemberReport report)
    {
        metrics.Reconciled(report.Status);
        if (report.Status == MemberReport.Broken)
        {
            logger.LedgerBroken(report.MemberId, report.Findings);
        }
        else if (report.Status == MemberReport.Corrected)
        {
            logger.FiguresCorrected(report.MemberId, report.Findings);
        }

        return report;
    }

    private static AuditEntry Audited(MemberReport found, MemberReport left, AuditOrigin origin, long? runId)
    {
        var before = new JsonObject
        {
            ["walletBalance"] = found.WalletBalance,
            ["ledgerBalance"] = found.LedgerBalance,
            ["lotsBalance"] = found.LotsBalance,
        };
        var after = JsonSerializer.SerializeToNode(
            left with { Findings = [.. left.Findings.Take(FindingsAudited)] }, PointJsonContext.Wire.MemberReport)!.AsObject();
        if (runId is { } run)
        {
            after.Add("runId", run);
        }

        return new AuditEntry(
            origin, AuditAction.MemberReconciled, AdminAudit.TargetOfMember(found.MemberId), before.ToJsonString(), after.ToJsonString());
    }

    private static async Task<IReadOnlyList<MemberReport>> ReadAsync(
        NpgsqlConnection connection, IReadOnlyCollection<long> members, int findingsMax, TimeSpan limit, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { Timeout = SecondsFor(limit) };
        batch.BatchCommands.Add(Columns.Statement(
            ReconciliationSql.Settings, Columns.Value(((long)limit.TotalMilliseconds).ToString(CultureInfo.InvariantCulture))));
        batch.BatchCommands.Add(Columns.Statement(ReconciliationSql.Findings, Columns.Longs(members, id => id), Columns.Value(findingsMax)));
        batch.BatchCommands.Add(Columns.Statement(ReconciliationSql.Balances, Columns.Longs(members, id => id)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        var findings = new Dictionary<long, (bool IsBroken, long Total, List<string> Sentences)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var member = reader.GetInt64(0);
            if (!findings.TryGetValue(member, out var found))
            {
                // Broken findings come first, so the first one decides.
                findings.Add(member, found = (reader.GetBoolean(1), reader.GetInt64(3), []));
            }

            found.Sentences.Add(reader.GetString(2));
        }

        var reports = new List<MemberReport>(members.Count);
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var found = findings.GetValueOrDefault(reader.GetInt64(0), (IsBroken: false, Total: 0, Sentences: []));
            var status = found.Total == 0 ? MemberReport.Matched : found.IsBroken ? MemberReport.Broken : MemberReport.Corrected;
            var report = new MemberReport(reader.GetInt64(0), status, reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), found.Sentences);
            reports.Add(report.WithMore(found.Total - found.Sentences.Count));
        }

        return reports;
    }

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, TimeSpan limit, CancellationToken cancellationToken, params NpgsqlBatchCommand[] statements)
    {
        await using var batch = new NpgsqlBatch(connection) { Timeout = SecondsFor(limit) };
        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static int SecondsFor(TimeSpan limit) => (int)Math.Ceiling((limit + ClientGrace).TotalSeconds);
}
