using System.Data;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>Holds wallet, ledger, lots and usages of members against each other (rules.md, "Reconciliation").</summary>
internal sealed class MemberReconciler(NpgsqlDataSource dataSource, ReconciliationMetrics metrics, ILogger<MemberReconciler> logger)
{
    private const string LockTimeout = "SELECT set_config('lock_timeout', '5000', true)";
    private const string LockWallet = "SELECT 1 FROM member_wallets WHERE member_id = $1 FOR UPDATE";

    /// <summary>Reconciles one member under his row lock, and puts derived figures right if only they are wrong.</summary>
    public async Task<MemberReport> ReconcileAsync(long memberId, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, cancellationToken, Columns.Statement(LockTimeout), Columns.Statement(LockWallet, Columns.Value(memberId)));
        var report = (await ReadAsync(connection, [memberId], cancellationToken))[0];
        if (report.Status == MemberReport.Corrected)
        {
            var members = new[] { memberId };
            await ExecuteAsync(
                connection,
                cancellationToken,
                Columns.Statement(ReconciliationSql.CorrectLots, Columns.Longs(members, id => id)),
                Columns.Statement(ReconciliationSql.CorrectWallets, Columns.Longs(members, id => id)));
            await transaction.CommitAsync(cancellationToken);
        }

        Tell(report);
        return report;
    }

    /// <summary>
    /// Looks at members as of one moment, without locking any. Who matches is done with; the others are to be reconciled one by one.
    /// </summary>
    public async Task<IReadOnlyList<MemberReport>> InspectAsync(IReadOnlyCollection<long> members, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        return await ReadAsync(connection, members, cancellationToken);
    }

    private void Tell(MemberReport report)
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
    }

    private static async Task<IReadOnlyList<MemberReport>> ReadAsync(
        NpgsqlConnection connection, IReadOnlyCollection<long> members, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Columns.Statement(ReconciliationSql.Findings, Columns.Longs(members, id => id)));
        batch.BatchCommands.Add(Columns.Statement(ReconciliationSql.Balances, Columns.Longs(members, id => id)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var findings = new List<(long Member, bool IsBroken, string Sentence)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            findings.Add((reader.GetInt64(0), reader.GetBoolean(1), reader.GetString(2)));
        }

        var byMember = findings.ToLookup(finding => finding.Member);
        var reports = new List<MemberReport>(members.Count);
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var his = byMember[reader.GetInt64(0)].ToList();
            var status = his.Exists(finding => finding.IsBroken) ? MemberReport.Broken : his.Count > 0 ? MemberReport.Corrected : MemberReport.Matched;
            reports.Add(new MemberReport(
                reader.GetInt64(0), status, reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), [.. his.Select(finding => finding.Sentence)]));
        }

        return reports;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, CancellationToken cancellationToken, params NpgsqlBatchCommand[] statements)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}
