using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Keeps, for members with many ledger entries, what each lot held after every thousandth entry. A balance in the past is then read from the checkpoint
/// before it and the few entries in between, however many have followed.
/// </summary>
/// <remarks>
/// A checkpoint is made from the one before it and the entries in between, all of which never change, so it can be made at any time and by two runners at
/// once. The more lots a member has, the farther its checkpoints are apart, so that together they have no more values than the ledger has entries.
/// </remarks>
internal sealed class CheckpointJob(
    NpgsqlDataSource database, JobRunner runner, IOptions<JobOptions> options, TimeProvider clock, ILogger<CheckpointJob> logger)
    : ChunkedJob("balance-checkpoints", options.Value.CheckpointInterval, runner, clock, logger)
{
    /// <summary>Minimum number of entries between two checkpoints of a member.</summary>
    public const int EntriesMin = 1000;

    private const int WalletsPerChunk = 10_000;

    // Inside, the next wallets in the order of their key; outside, those of them that need a checkpoint.
    private const string Find =
        """
        SELECT w.member_id, w.version, coalesce(c.sequence, 0), coalesce(c.lots, 0), w.version >= coalesce(c.sequence, 0) + greatest($3, coalesce(c.lots, 0))
        FROM (SELECT member_id, version FROM member_wallets WHERE member_id > $1 ORDER BY member_id LIMIT $2) AS w
        LEFT JOIN LATERAL (
            SELECT sequence, cardinality(lot_ids) AS lots FROM balance_checkpoints
            WHERE member_id = w.member_id AND w.version >= $3 ORDER BY sequence DESC LIMIT 1
        ) AS c ON true
        ORDER BY w.member_id
        """;

    /// <summary>
    /// The lots of the member $1 with points after an entry, and these points: those of a checkpoint (none at 0), and the entries from there on.
    /// </summary>
    /// <param name="checkpoint">The parameter with the sequence of the checkpoint.</param>
    /// <param name="last">The parameter with the sequence of the entry.</param>
    internal static string LotsAfter(string checkpoint, string last) =>
        $"""
        SELECT lot_id, sum(points)::bigint AS points FROM (
            SELECT l.lot_id, l.points FROM balance_checkpoints AS c CROSS JOIN LATERAL unnest(c.lot_ids, c.points) AS l (lot_id, points)
            WHERE c.member_id = $1 AND c.sequence = {checkpoint}
            UNION ALL
            SELECT lot_id, delta FROM point_ledger_entries WHERE member_id = $1 AND sequence > {checkpoint} AND sequence <= {last}
        ) AS e GROUP BY lot_id HAVING sum(points) > 0
        """;

    private static readonly string Keep =
        $$"""
        INSERT INTO balance_checkpoints (member_id, sequence, lot_ids, points)
        SELECT $1, $3, coalesce(array_agg(s.lot_id ORDER BY s.lot_id), '{}'), coalesce(array_agg(s.points ORDER BY s.lot_id), '{}')
        FROM ({{LotsAfter("$2", "$3")}}) AS s
        ON CONFLICT (member_id, sequence) DO NOTHING
        RETURNING cardinality(lot_ids)
        """;

    private long _lastMember;

    protected override async Task<bool> RunChunkAsync(CancellationToken cancellationToken)
    {
        var wallets = await database.RunAsync(connection => FindAsync(connection, _lastMember, cancellationToken), cancellationToken);
        foreach (var wallet in wallets.Where(wallet => wallet.IsDue))
        {
            await KeepAsync(database, wallet, EntriesMin, cancellationToken);
        }

        var hasMore = wallets.Count == WalletsPerChunk;
        _lastMember = hasMore ? wallets[^1].MemberId : 0;
        return hasMore;
    }

    /// <summary>Makes the checkpoints of a member that are due.</summary>
    internal static async Task KeepAsync(NpgsqlDataSource database, CheckpointWallet wallet, int entriesMin, CancellationToken cancellationToken)
    {
        var (last, lots) = (wallet.LastSequence, (int?)wallet.Lots);

        // No result if another runner has made this one: it makes the next ones too.
        while (lots is { } count && last + Math.Max(entriesMin, count) is var next && next <= wallet.Version)
        {
            lots = await database.RunAsync(
                async connection =>
                {
                    await using var batch = connection.CreateBatch();
                    batch.BatchCommands.Add(Columns.Statement(Keep, Columns.Value(wallet.MemberId), Columns.Value(last), Columns.Value(next)));
                    return (int?)await batch.ExecuteScalarAsync(cancellationToken);
                },
                cancellationToken);
            last = next;
        }
    }

    private static async Task<List<CheckpointWallet>> FindAsync(NpgsqlConnection connection, long after, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            Find, Columns.Value(after), Columns.Value(WalletsPerChunk), Columns.Value((long)EntriesMin)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var wallets = new List<CheckpointWallet>();
        while (await reader.ReadAsync(cancellationToken))
        {
            wallets.Add(new CheckpointWallet(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt32(3), reader.GetBoolean(4)));
        }

        return wallets;
    }
}

/// <summary>A member and its last checkpoint.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Version">The sequence of its last ledger entry.</param>
/// <param name="LastSequence">The sequence of its last checkpoint; 0 if there is none.</param>
/// <param name="Lots">The number of lots in that checkpoint.</param>
/// <param name="IsDue">Whether it needs another one.</param>
internal readonly record struct CheckpointWallet(long MemberId, long Version, long LastSequence, int Lots, bool IsDue);
