using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Posts EXPIRE entries for expired lots (docs/rules.md, "Expiry"), and gives notice of those that will expire. A write of a member posts the entries of
/// that member itself.
/// </summary>
internal sealed class ExpiryJob(
    NpgsqlDataSource dataSource,
    RulesProvider rules,
    PointLedger ledger,
    ExpiryNotices notices,
    JobRunner runner,
    IOptions<JobOptions> options,
    TimeProvider clock,
    ILogger<ExpiryJob> logger) : ChunkedJob("expiry", options.Value.ExpiryInterval, runner, clock, logger)
{
    /// <summary>Who expires points and gives notice of it, in the ledger and in events.</summary>
    public const string Actor = "system:expiry";

    private static readonly TimeSpan RowLockWait = TimeSpan.FromSeconds(5);

    // Oldest expirations first, directly from ix_point_accumulations_expiry, which only a query with "lot_id > 0" can use. A member with
    // many lots of one day occurs once.
    private const string NextMembers =
        """
        SELECT DISTINCT expiration_date, member_id FROM (
            SELECT expiration_date, member_id FROM point_accumulations
            WHERE is_open AND lot_id > 0 AND expiration_date < $1 AND (expiration_date, member_id) > ($3, $4)
            ORDER BY expiration_date, member_id LIMIT $2
        ) AS expired ORDER BY expiration_date, member_id
        """;

    // The progress of this round. A member whose expirations could not be posted is skipped until the next round, so that it does not
    // delay the others.
    private (DateOnly Date, long Member) _after;

    protected override async Task<bool> RunChunkAsync(CancellationToken cancellationToken)
    {
        var now = await rules.CurrentAsync(cancellationToken);
        var expirations = await dataSource.RunAsync(connection => NextExpirationsAsync(connection, now.At.Today, cancellationToken), cancellationToken);
        var members = new Dictionary<long, IPointCommand>();
        foreach (var expiration in expirations)
        {
            _after = expiration;
            members.TryAdd(expiration.Member, new PostExpirations(expiration.Member));
        }

        if (members.Count == 0)
        {
            _after = default;
            return await notices.RunChunkAsync(now.At.Today, cancellationToken);
        }

        var posted = await PostAsync([.. members.Values], cancellationToken);
        logger.ExpirationsPosted(posted);
        return true;
    }

    private async Task<List<(DateOnly Date, long Member)>> NextExpirationsAsync(
        NpgsqlConnection connection, DateOnly today, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(NextMembers, connection);
        command.Parameters.Add(Columns.Value(today));
        command.Parameters.Add(Columns.Value(options.Value.ExpiryChunk));
        command.Parameters.Add(Columns.Value(_after.Date));
        command.Parameters.Add(Columns.Value(_after.Member));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var expirations = new List<(DateOnly Date, long Member)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            expirations.Add((reader.GetFieldValue<DateOnly>(0), reader.GetInt64(1)));
        }

        return expirations;
    }

    private async Task<int> PostAsync(List<IPointCommand> members, CancellationToken cancellationToken)
    {
        if (members.Count > 1)
        {
            try
            {
                await ledger.ExecuteAsync(members, RowLockWait, cancellationToken);
                return members.Count;
            }
            catch (Exception e) when (DatabaseErrors.IsWorkFault(e))
            {
                // One busy or broken member must not prevent the expirations of the others from being posted.
                logger.ChunkSplit(e, members.Count);
            }
        }

        var posted = 0;
        foreach (var member in members)
        {
            try
            {
                await ledger.ExecuteAsync([member], RowLockWait, cancellationToken);
                posted++;
            }
            catch (Exception e) when (DatabaseErrors.IsWorkFault(e))
            {
                logger.ExpirationsNotPosted(e, member.MemberId);
            }
        }

        return posted;
    }

    /// <summary>
    /// Needs no distributed lock of its own: the job holds its lock, and the wallet row lock serializes it with other writes.
    /// </summary>
    private sealed record PostExpirations(long MemberId) : IPointCommand
    {
        public string Actor => ExpiryJob.Actor;

        public Idempotency? Idempotency => null;

        public void Declare(LoadPlan plan) => plan.NeedMember(MemberId);

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context)
        {
            accounts[MemberId].PostExpirations(context.Actor);
            return CommandOutcome.Done;
        }
    }
}
