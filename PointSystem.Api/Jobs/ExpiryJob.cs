using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Jobs;

/// <summary>Posts EXPIRE entries for what has lapsed (docs/rules.md, "Expiry"). Members that write meanwhile post their own.</summary>
internal sealed class ExpiryJob(
    NpgsqlDataSource dataSource,
    RulesProvider rules,
    PointLedger ledger,
    JobRunner runner,
    IOptions<JobOptions> options,
    TimeProvider clock,
    ILogger<ExpiryJob> logger) : ChunkedJob("expiry", options.Value.ExpiryInterval, runner, clock, logger)
{
    private const string Actor = "system:expiry";

    private static readonly TimeSpan RowLockWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WorkLimit = TimeSpan.FromSeconds(10);

    // Oldest lapses first, straight from ix_point_accumulations_expiry, which "lot_id > 0" opens; a member with many lots of one day
    // shows up once.
    private const string NextMembers =
        """
        SELECT DISTINCT expiration_date, member_id FROM (
            SELECT expiration_date, member_id FROM point_accumulations
            WHERE is_open AND lot_id > 0 AND expiration_date < $1 AND (expiration_date, member_id) > ($3, $4)
            ORDER BY expiration_date, member_id LIMIT $2
        ) AS lapsed ORDER BY expiration_date, member_id
        """;

    // How far this round has come. A member whose lapses could not be posted is passed by until the next round, so that it keeps no other
    // waiting.
    private (DateOnly Date, long Member) _after;

    protected override async Task<bool> RunChunkAsync(CancellationToken cancellationToken)
    {
        var now = await rules.CurrentAsync(cancellationToken);
        var lapses = await dataSource.RunAsync(connection => NextLapsesAsync(connection, now.At.Today, cancellationToken), cancellationToken);
        var members = new Dictionary<long, IPointCommand>();
        foreach (var lapse in lapses)
        {
            _after = lapse;
            members.TryAdd(lapse.Member, new PostLapses(lapse.Member));
        }

        if (members.Count == 0)
        {
            _after = default;
            return false;
        }

        var posted = await PostAsync([.. members.Values], cancellationToken);
        logger.LapsesPosted(posted);
        return true;
    }

    private async Task<List<(DateOnly Date, long Member)>> NextLapsesAsync(NpgsqlConnection connection, DateOnly today, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(NextMembers, connection);
        command.Parameters.Add(Columns.Value(today));
        command.Parameters.Add(Columns.Value(options.Value.ExpiryChunk));
        command.Parameters.Add(Columns.Value(_after.Date));
        command.Parameters.Add(Columns.Value(_after.Member));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var lapses = new List<(DateOnly Date, long Member)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            lapses.Add((reader.GetFieldValue<DateOnly>(0), reader.GetInt64(1)));
        }

        return lapses;
    }

    private async Task<int> PostAsync(List<IPointCommand> members, CancellationToken cancellationToken)
    {
        if (members.Count > 1)
        {
            try
            {
                await ledger.ExecuteAsync(members, RowLockWait, WorkLimit, cancellationToken);
                return members.Count;
            }
            catch (Exception e) when (DatabaseErrors.IsOfTheWork(e))
            {
                // One busy or broken member must not keep the others' lapses from being posted.
                logger.ChunkSplit(e, members.Count);
            }
        }

        var posted = 0;
        foreach (var member in members)
        {
            try
            {
                await ledger.ExecuteAsync([member], RowLockWait, WorkLimit, cancellationToken);
                posted++;
            }
            catch (Exception e) when (DatabaseErrors.IsOfTheWork(e))
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

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context)
        {
            accounts[MemberId].PostExpirations(context.Actor);
            return CommandOutcome.Done;
        }
    }
}
