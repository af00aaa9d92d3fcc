using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;
using PointSystem.Api.Persistence.Rows;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>
/// Reconciles all members in chunks, one runner at a time. Progress is kept after each chunk: a run that was interrupted is resumed by whoever asks next.
/// Who runs is written on the run itself: the lock is given back between chunks, and may be missing altogether when the lock service is away.
/// </summary>
internal sealed class FullReconciler(
    PointDbContext db,
    NpgsqlDataSource dataSource,
    MemberReconciler members,
    JobRunner runner,
    ReconciliationMetrics metrics,
    IOptions<ReconciliationOptions> options,
    TimeProvider clock,
    ILogger<FullReconciler> logger)
{
    private const int DetailsMax = 1_000;
    private const string Job = "reconciliation";

    /// <summary>After this long without progress a runner is taken for dead.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    /// <summary>Runs to the end, or until the caller goes or the lock is lost; then the next call resumes.</summary>
    /// <exception cref="LockNotAcquiredException">A run is under way, here or on another replica, or this one has lost its lock.</exception>
    public async Task<RunReport> RunAsync(string actor, CancellationToken cancellationToken)
    {
        RunReport? report = null;
        try
        {
            await runner.TryRunAsync(Job, async token => report = await RunChunksAsync(actor, token), isUrgent: true, cancellationToken);
        }
        catch (Exception e) when (e is LeaseEndedException or DbUpdateConcurrencyException)
        {
            // Cut, or taken for dead and replaced. Its progress is kept: who asks again, as the answer says, goes on there.
            logger.Interrupted();
        }
        return report ?? throw NotAcquired();
    }

    private async Task<RunReport> RunChunksAsync(string actor, CancellationToken cancellationToken)
    {
        var self = Guid.NewGuid();
        try
        {
            var (run, resumed) = await BeginAsync(actor, self, cancellationToken);
            while (run.FinishedAt is null)
            {
                await RunChunkAsync(run, cancellationToken);
            }
            return Report(run, resumed);
        }
        finally
        {
            await LeaveAsync(self);
        }
    }

    private static LockNotAcquiredException NotAcquired() => new(JobRunner.KeyOf(Job), TimeSpan.Zero);

    /// <summary>The newest run, finished or not; null when there never was one.</summary>
    public async Task<RunReport?> FindLatestAsync(CancellationToken cancellationToken) =>
        await db.ReconciliationRuns.OrderByDescending(run => run.Id).FirstOrDefaultAsync(cancellationToken) is { } run
            ? Report(run, resumed: false)
            : null;

    private async Task<(ReconciliationRunRow Run, bool Resumed)> BeginAsync(string actor, Guid runner, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var run = await db.ReconciliationRuns.AsTracking()
            .Where(run => run.FinishedAt == null).OrderBy(run => run.Id).FirstOrDefaultAsync(cancellationToken);
        var resumed = run is not null;
        if (run is null)
        {
            run = new ReconciliationRunRow { StartedAt = now, UpdatedAt = now, StartedBy = actor, Details = "[]" };
            db.Add(run);
        }
        else if (run.Runner is not null && now - run.UpdatedAt < Silence)
        {
            throw NotAcquired();
        }

        run.Runner = runner;
        run.UpdatedAt = now;
        await db.SaveChangesAsync(cancellationToken);
        return (run, resumed);
    }

    /// <summary>Lets the next caller go on at once. Where even that fails, he waits until this runner is taken for dead.</summary>
    private async Task LeaveAsync(Guid runner)
    {
        try
        {
            await db.ReconciliationRuns.Where(run => run.Runner == runner)
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
        var now = clock.GetUtcNow();
        if (chunk.Count == 0)
        {
            run.FinishedAt = run.UpdatedAt = now;
            await db.SaveChangesAsync(cancellationToken);
            return;
        }

        var details = Details(run).ToList();
        var matched = 0;
        foreach (var seen in await members.InspectAsync(chunk, cancellationToken))
        {
            // What does not match in the snapshot is looked at again under the member's lock, and put right there if it can be.
            var report = seen;
            if (seen.Status == MemberReport.Matched)
            {
                metrics.Reconciled(seen.Status);
            }
            else
            {
                report = await members.ReconcileAsync(seen.MemberId, cancellationToken);
            }

            matched += report.Status == MemberReport.Matched ? 1 : 0;
            run.Corrected += report.Status == MemberReport.Corrected ? 1 : 0;
            run.Broken += report.Status == MemberReport.Broken ? 1 : 0;
            if (report.Status != MemberReport.Matched && details.Count < DetailsMax)
            {
                details.Add(report);
            }
        }

        run.Matched += matched;
        run.LastMemberId = chunk[^1];
        run.UpdatedAt = clock.GetUtcNow();
        run.Details = JsonSerializer.Serialize(details, PointJsonContext.Wire.IReadOnlyListMemberReport);
        await db.SaveChangesAsync(cancellationToken);
        logger.Progress(run.Id, run.Matched + run.Corrected + run.Broken, run.LastMemberId);
    }

    private async Task<List<long>> NextMembersAsync(long after, CancellationToken cancellationToken)
    {
        // Also members whose wallet is missing: their entries are then found by the ledger.
        await using var command = dataSource.CreateCommand(
            """
            SELECT member_id FROM (
                (SELECT member_id FROM member_wallets WHERE member_id > $1 ORDER BY member_id LIMIT $2)
                UNION
                (SELECT member_id FROM point_ledger_entries WHERE member_id > $1 AND sequence = 1 ORDER BY member_id LIMIT $2)
            ) AS m ORDER BY member_id LIMIT $2
            """);
        command.Parameters.Add(Columns.Value(after));
        command.Parameters.Add(Columns.Value(options.Value.ChunkSize));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var ids = new List<long>(options.Value.ChunkSize);
        while (await reader.ReadAsync(cancellationToken))
        {
            ids.Add(reader.GetInt64(0));
        }

        return ids;
    }

    private static IReadOnlyList<MemberReport> Details(ReconciliationRunRow run) =>
        JsonSerializer.Deserialize(run.Details, PointJsonContext.Wire.IReadOnlyListMemberReport) ?? [];

    private static RunReport Report(ReconciliationRunRow run, bool resumed) => new(
        run.Id,
        run.FinishedAt is null ? RunReport.Running : RunReport.Completed,
        resumed,
        run.Matched + run.Corrected + run.Broken,
        run.Matched,
        run.Corrected,
        run.Broken,
        run.LastMemberId,
        run.StartedAt,
        run.UpdatedAt,
        run.FinishedAt,
        Details(run));
}
