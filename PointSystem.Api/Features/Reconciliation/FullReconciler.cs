using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Api.Persistence.Rows;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>
/// Reconciles all members in chunks, one runner at a time. Progress is kept after each chunk: a run that was interrupted is resumed by whoever asks next.
/// </summary>
internal sealed class FullReconciler(
    PointDbContext db,
    NpgsqlDataSource dataSource,
    MemberReconciler members,
    IDistributedLocks locks,
    ReconciliationMetrics metrics,
    TimeProvider clock,
    ILogger<FullReconciler> logger)
{
    private const int ChunkSize = 500;
    private const int DetailsMax = 1_000;

    private static readonly LockOptions Lock = new()
    {
        Wait = TimeSpan.Zero,
        Lease = TimeSpan.FromSeconds(30),
        Operation = "point:job:reconciliation",
    };

    /// <summary>Runs to the end, or until the caller goes; then the next call resumes.</summary>
    /// <exception cref="LockNotAcquiredException">A run is under way on another replica.</exception>
    public async Task<RunReport> RunAsync(string actor, CancellationToken cancellationToken)
    {
        ReconciliationRunRow? run = null;
        var resumed = false;
        while (run?.FinishedAt is null)
        {
            // A lock for each chunk: it is never held longer than its lease, and a dead runner blocks nobody for longer than that.
            await using var handle = await locks.AcquireAsync("point:job:reconciliation", Lock, cancellationToken);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, handle.LeaseEnding);
            if (run is null)
            {
                (run, resumed) = await BeginAsync(actor, ending.Token);
            }

            await RunChunkAsync(run, ending.Token);
        }

        return Report(run, resumed);
    }

    /// <summary>The newest run, finished or not; null when there never was one.</summary>
    public async Task<RunReport?> FindLatestAsync(CancellationToken cancellationToken) =>
        await db.ReconciliationRuns.OrderByDescending(run => run.Id).FirstOrDefaultAsync(cancellationToken) is { } run
            ? Report(run, resumed: false)
            : null;

    private async Task<(ReconciliationRunRow Run, bool Resumed)> BeginAsync(string actor, CancellationToken cancellationToken)
    {
        var unfinished = await db.ReconciliationRuns.AsTracking()
            .Where(run => run.FinishedAt == null).OrderBy(run => run.Id).FirstOrDefaultAsync(cancellationToken);
        if (unfinished is not null)
        {
            return (unfinished, true);
        }

        var now = clock.GetUtcNow();
        var run = new ReconciliationRunRow { StartedAt = now, UpdatedAt = now, StartedBy = actor, Details = "[]" };
        db.Add(run);
        await db.SaveChangesAsync(cancellationToken);
        return (run, false);
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
        command.Parameters.Add(Columns.Value(ChunkSize));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var ids = new List<long>(ChunkSize);
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
