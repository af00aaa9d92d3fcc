using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Jobs;

/// <summary>Posts EXPIRE entries for what has lapsed (rules.md, "Expiry"). Members who write meanwhile post their own.</summary>
internal sealed class ExpiryJob(
    NpgsqlDataSource dataSource,
    RulesProvider rules,
    PointLedger ledger,
    IDistributedLocks locks,
    IOptions<JobOptions> options,
    TimeProvider clock,
    ILogger<ExpiryJob> logger) : ChunkedJob("expiry", options.Value.ExpiryInterval, locks, clock, logger)
{
    private const string Actor = "system:expiry";

    private static readonly TimeSpan RowLockWait = TimeSpan.FromSeconds(5);

    // Oldest lapses first, straight from ix_point_accumulations_expiry; a member with many lots shows up once.
    private const string NextMembers =
        """
        SELECT DISTINCT member_id FROM (
            SELECT member_id FROM point_accumulations WHERE is_open AND expiration_date < $1 ORDER BY expiration_date, member_id LIMIT $2
        ) AS lapsed
        """;

    protected override async Task<bool> RunChunkAsync(CancellationToken cancellationToken)
    {
        var now = await rules.CurrentAsync(cancellationToken);
        var members = new List<IPointCommand>();
        await using (var command = dataSource.CreateCommand(NextMembers))
        {
            command.Parameters.Add(Columns.Value(now.At.Today));
            command.Parameters.Add(Columns.Value(options.Value.ExpiryChunk));
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                members.Add(new PostLapses(reader.GetInt64(0)));
            }
        }

        if (members.Count == 0)
        {
            return false;
        }

        var posted = await PostAsync(members, cancellationToken);
        logger.LapsesPosted(posted);

        // With nothing posted the next chunk would be the same members again.
        return posted > 0;
    }

    private async Task<int> PostAsync(List<IPointCommand> members, CancellationToken cancellationToken)
    {
        try
        {
            await ledger.ExecuteAsync(members, RowLockWait, cancellationToken);
            return members.Count;
        }
        catch (Exception e) when (members.Count > 1 && e is not OperationCanceledException)
        {
            // One busy or broken member must not keep the others' lapses from being posted.
            logger.ChunkSplit(e, members.Count);
        }

        var posted = 0;
        foreach (var member in members)
        {
            try
            {
                await ledger.ExecuteAsync([member], RowLockWait, cancellationToken);
                posted++;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                logger.LapsesNotPosted(e, member.MemberId);
            }
        }

        return posted;
    }

    /// <summary>Takes no lock of its own: the job holds its lock, and the wallet row lock does the rest.</summary>
    private sealed record PostLapses(long MemberId) : IPointCommand
    {
        public string Actor => ExpiryJob.Actor;

        public Idempotency? Idempotency => null;

        public void Declare(LoadPlan plan) => plan.NeedMember(MemberId);

        public CommandOutcome Apply(LoadedAccounts accounts, CommandContext context)
        {
            accounts[MemberId].PostLapses(context.Actor);
            return CommandOutcome.Done;
        }
    }
}
