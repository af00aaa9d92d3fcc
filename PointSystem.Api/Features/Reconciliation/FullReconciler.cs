using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;
using PointSystem.Api.Persistence.Rows;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>
/// Reconciles all members in runs. A run is a row: a unique index allows one unfinished run, progress is stored after each chunk, and any
/// replica can continue an interrupted run. The job lock decides which replica works on the run; if that lock is lost, the row version
/// refuses the slower replica.
/// </summary>
internal sealed class FullReconciler(
    PointDbContext db,
    NpgsqlDataSource dataSource,
    MemberReconciler members,
    JobRunner runner,
    IOptions<ReconciliationOptions> options,
    IOptions<JobOptions> jobs,
    TimeProvider clock,
    ILogger<FullReconciler> logger)
{
    private const int DetailsMax = 1_000;
    private const int FindingsMax = 3;
    private const string Job = "reconciliation";

    // At most one row is unfinished: the unique index is on a constant.
    private const string Insert =
        """
        INSERT INTO reconciliation_runs (started_at, updated_at, started_by, resumed, last_member_id, matched, corrected, broken, failed, details)
        VALUES ($1, $1, $2, false, 0, 0, 0, 0, 0, '[]')
        ON CONFLICT ((true)) WHERE finished_at IS NULL DO NOTHING
        RETURNING id
        """;

    private int _chunkSize = options.Value.ChunkSize;

    /// <summary>Starts a run; if one is unfinished, returns null and the number of that run.</summary>
    public async Task<(RunReport? Run, long Unfinished)> BeginAsync(AuditOrigin origin, CancellationToken cancellationToken)
    {
        while (true)
        {
            var started = await dataSource.RunAsync(
                async attempt =>
                {
                    attempt.HasBegunToWrite = true;
                    return await InsertAsync(attempt.Connection, origin, cancellationToken);
                },
                logger,
                cancellationToken);
            if (started is not null)
            {
                return (started, 0);
            }

            // The other run may have finished in the meantime.
            if (await Unfinished().Select(run => (long?)run.Id).FirstOrDefaultAsync(cancellationToken) is { } unfinished)
            {
                return (null, unfinished);
            }
        }
    }

    /// <summary>Inserts a run with its entry in the audit, and returns it as it started; null if one is unfinished.</summary>
    private async Task<RunReport?> InsertAsync(NpgsqlConnection connection, AuditOrigin origin, CancellationToken cancellationToken)
    {
        var now = Columns.AsStored(clock.GetUtcNow());
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Insert, connection);
        command.Parameters.Add(Columns.Value(now));
        command.Parameters.Add(Columns.Value(origin.Actor));
        if (await command.ExecuteScalarAsync(cancellationToken) is not long id)
        {
            return null;
        }

        var entry = new AuditEntry(origin, AuditAction.ReconciliationStarted, AdminAudit.TargetOfRun(id), Before: null, Running(id));
        await AdminAudit.WriteAsync(connection, entry, now, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new RunReport(id, RunReport.Running, Resumed: false, 0, 0, 0, 0, 0, 0, now, now, FinishedAt: null, []);
    }

    /// <summary>
    /// Works on the unfinished run, if there is one and no other replica works on it, until it is finished, cancelled, or the lock is
    /// lost.
    /// </summary>
    public async Task ContinueAsync(CancellationToken cancellationToken)
    {
        // Without Entity Framework, which a replica then does not load at its start: that would be half of all the code it compiles there.
        if (!await dataSource.RunAsync(connection => HasUnfinishedAsync(connection, cancellationToken), cancellationToken))
        {
            return;
        }

        try
        {
            await runner.TryRunAsync(Job, RunChunksAsync, isUrgent: true, cancellationToken);
        }
        catch (Exception e) when (e is LeaseEndedException or DbUpdateConcurrencyException)
        {
            // The lock ended, or another replica took over. The progress is stored.
            logger.Interrupted();
        }
    }

    /// <summary>The latest run, finished or not; null if there has been none.</summary>
    public async Task<RunReport?> FindLatestAsync(CancellationToken cancellationToken) =>
        await db.ReconciliationRuns.OrderByDescending(run => run.Id).FirstOrDefaultAsync(cancellationToken) is { } run ? Report(run) : null;

    /// <summary>The run with a number; null if there is none.</summary>
    public async Task<RunReport?> FindAsync(long id, CancellationToken cancellationToken) =>
        await db.ReconciliationRuns.FirstOrDefaultAsync(run => run.Id == id, cancellationToken) is { } run ? Report(run) : null;

    private static async Task<bool> HasUnfinishedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT EXISTS (SELECT FROM reconciliation_runs WHERE finished_at IS NULL)", connection);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    private IQueryable<ReconciliationRunRow> Unfinished() => db.ReconciliationRuns.Where(run => run.FinishedAt == null);

    private async Task RunChunksAsync(CancellationToken cancellationToken)
    {
        var runnerId = Guid.NewGuid();
        try
        {
            var run = await ClaimAsync(runnerId, cancellationToken);
            while (run is { FinishedAt: null })
            {
                cancellationToken.ThrowIfCancellationRequested();
                await RunChunkAsync(run, cancellationToken);
            }
        }
        finally
        {
            db.ChangeTracker.Clear();
            await ReleaseAsync(runnerId);
        }
    }

    /// <summary>
    /// Sets this runner on the unfinished run. Null if there is none, or if another runner made progress within the last lease: it may not
    /// know yet that its locks have ended.
    /// </summary>
    private async Task<ReconciliationRunRow?> ClaimAsync(Guid runnerId, CancellationToken cancellationToken)
    {
        var run = await Unfinished().AsTracking().FirstOrDefaultAsync(cancellationToken);
        var now = clock.GetUtcNow();
        if (run is null || (run.Runner is not null && now - run.UpdatedAt < jobs.Value.Lease))
        {
            return null;
        }

        run.Resumed |= run.Runner is not null || run.LastMemberId > 0;
        run.Runner = runnerId;
        run.UpdatedAt = now;
        await db.SaveChangesAsync(cancellationToken);
        logger.Claimed(run.Id, run.LastMemberId);
        return run;
    }

    /// <summary>Lets another replica continue immediately. If this fails, it continues after one lease.</summary>
    private async Task ReleaseAsync(Guid runnerId)
    {
        try
        {
            await db.ReconciliationRuns.Where(run => run.Runner == runnerId)
                .ExecuteUpdateAsync(update => update.SetProperty(run => run.Runner, (Guid?)null), CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            logger.RunnerNotCleared(e);
        }
    }

    private async Task RunChunkAsync(ReconciliationRunRow run, CancellationToken cancellationToken)
    {
        var chunk = await NextMembersAsync(run.LastMemberId, cancellationToken);
        if (chunk.Count == 0)
        {
            run.FinishedAt = run.UpdatedAt = clock.GetUtcNow();
            await FinishAsync(run, cancellationToken);
            return;
        }

        if (await InspectAsync(chunk, cancellationToken) is not { } reports)
        {
            return;
        }

        var details = Details(run).ToList();
        foreach (var first in reports)
        {
            var report = await RecheckAsync(run, first, cancellationToken);
            run.Matched += report.Status == MemberReport.Matched ? 1 : 0;
            run.Corrected += report.Status == MemberReport.Corrected ? 1 : 0;
            run.Broken += report.Status == MemberReport.Broken ? 1 : 0;
            run.Failed += report.Status == MemberReport.Failed ? 1 : 0;
            if (report.Status != MemberReport.Matched && details.Count < DetailsMax)
            {
                details.Add(report);
            }
        }

        run.LastMemberId = chunk[^1];
        run.UpdatedAt = clock.GetUtcNow();
        run.Details = JsonSerializer.Serialize(details, PointJsonContext.Wire.IReadOnlyListMemberReport);
        await db.SaveChangesAsync(cancellationToken);
        var done = Members(run);
        logger.Progress(run.Id, done, run.LastMemberId);
    }

    private static string Running(long id) => new JsonObject { ["runId"] = id, ["status"] = RunReport.Running }.ToJsonString();

    /// <summary>Stores the end of a run together with its entry in the audit.</summary>
    private async Task FinishAsync(ReconciliationRunRow run, CancellationToken cancellationToken)
    {
        var result = new JsonObject
        {
            ["runId"] = run.Id,
            ["status"] = RunReport.Completed,
            ["members"] = Members(run),
            ["matched"] = run.Matched,
            ["corrected"] = run.Corrected,
            ["broken"] = run.Broken,
            ["failed"] = run.Failed,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await AdminAudit.WriteAsync(
            (NpgsqlConnection)db.Database.GetDbConnection(),
            new AuditEntry(
                new AuditOrigin(run.StartedBy),
                AuditAction.ReconciliationCompleted,
                AdminAudit.TargetOfRun(run.Id),
                Running(run.Id),
                result.ToJsonString()),
            run.UpdatedAt,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>
    /// Inspects a chunk. Null if that failed for a reason that a single member may cause: the next chunk is then half as long.
    /// </summary>
    private async Task<IReadOnlyList<MemberReport>?> InspectAsync(List<long> chunk, CancellationToken cancellationToken)
    {
        try
        {
            var reports = await members.InspectAsync(chunk, FindingsMax, cancellationToken);
            _chunkSize = Math.Min(options.Value.ChunkSize, _chunkSize * 2);
            return reports;
        }
        catch (Exception e) when (DatabaseErrors.IsWorkFault(e))
        {
            if (chunk.Count == 1)
            {
                return [Failed(chunk[0], e)];
            }

            _chunkSize = chunk.Count / 2;
            logger.ChunkHalved(e, chunk.Count, chunk[0]);
            return null;
        }
    }

    /// <summary>Inspects a member that did not match again while holding its row, and corrects it if possible.</summary>
    private async Task<MemberReport> RecheckAsync(ReconciliationRunRow run, MemberReport seen, CancellationToken cancellationToken)
    {
        if (seen.Status != MemberReport.Corrected)
        {
            return members.Count(seen);
        }

        try
        {
            return await members.CorrectAsync(seen.MemberId, FindingsMax, new AuditOrigin(run.StartedBy), run.Id, cancellationToken);
        }
        catch (Exception e) when (DatabaseErrors.IsWorkFault(e))
        {
            return members.Count(Failed(seen.MemberId, e));
        }
    }

    private MemberReport Failed(long memberId, Exception failure)
    {
        logger.MemberFailed(failure, memberId);
        return new MemberReport(memberId, MemberReport.Failed, 0, 0, 0, ["This member could not be checked; reconcile it separately."]);
    }

    private Task<List<long>> NextMembersAsync(long after, CancellationToken cancellationToken) =>
        dataSource.RunAsync(connection => NextMembersAsync(connection, after, cancellationToken), cancellationToken);

    private async Task<List<long>> NextMembersAsync(NpgsqlConnection connection, long after, CancellationToken cancellationToken)
    {
        // Members without a wallet are found through the ledger, by stepping through its index from member to member.
        await using var command = new NpgsqlCommand(
            """
            WITH RECURSIVE entered (member_id) AS (
                (SELECT member_id FROM point_ledger_entries WHERE member_id > $1 ORDER BY member_id LIMIT 1)
                UNION ALL
                SELECT (SELECT e.member_id FROM point_ledger_entries AS e WHERE e.member_id > entered.member_id ORDER BY e.member_id LIMIT 1)
                FROM entered WHERE entered.member_id IS NOT NULL
            )
            SELECT member_id FROM (
                (SELECT member_id FROM member_wallets WHERE member_id > $1 ORDER BY member_id LIMIT $2)
                UNION
                (SELECT member_id FROM entered WHERE member_id IS NOT NULL LIMIT $2)
            ) AS m ORDER BY member_id LIMIT $2
            """,
            connection);
        command.Parameters.Add(Columns.Value(after));
        command.Parameters.Add(Columns.Value(_chunkSize));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var ids = new List<long>(_chunkSize);
        while (await reader.ReadAsync(cancellationToken))
        {
            ids.Add(reader.GetInt64(0));
        }

        return ids;
    }

    private static IReadOnlyList<MemberReport> Details(ReconciliationRunRow run) =>
        JsonSerializer.Deserialize(run.Details, PointJsonContext.Wire.IReadOnlyListMemberReport) ?? [];

    private static long Members(ReconciliationRunRow run) => run.Matched + run.Corrected + run.Broken + run.Failed;

    private static RunReport Report(ReconciliationRunRow run) => new(
        run.Id,
        run.FinishedAt is null ? RunReport.Running : RunReport.Completed,
        run.Resumed,
        Members(run),
        run.Matched,
        run.Corrected,
        run.Broken,
        run.Failed,
        run.LastMemberId,
        run.StartedAt,
        run.UpdatedAt,
        run.FinishedAt,
        Details(run));
}
