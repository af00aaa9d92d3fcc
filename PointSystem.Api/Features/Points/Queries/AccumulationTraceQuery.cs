using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A lot, and the usages and transfers that drew from it.</summary>
internal sealed record AccumulationTrace(Lot Lot, Page<LotUsage> Usages, IReadOnlyList<LotTransfer> Transfers);

/// <summary>A usage that drew from the accumulation.</summary>
/// <param name="UsagePointKey">The usage.</param>
/// <param name="OrderNumber">The order that it paid for.</param>
/// <param name="Amount">Points drawn from this accumulation.</param>
/// <param name="CancelledAmount">Points given back by cancellations.</param>
internal sealed record LotUsage(string UsagePointKey, string OrderNumber, long Amount, long CancelledAmount);

/// <summary>A transfer that drew from the accumulation.</summary>
/// <param name="TransferPointKey">The transfer.</param>
/// <param name="ToMemberId">The member that received the points.</param>
/// <param name="AccumulationKey">The accumulation that the receiver got for these points.</param>
/// <param name="Amount">Points drawn from this accumulation.</param>
internal sealed record LotTransfer(string TransferPointKey, long ToMemberId, string? AccumulationKey, long Amount);

/// <summary>Reads a lot, and the usages and transfers that drew from it.</summary>
internal static class AccumulationTraceQuery
{
    /// <summary>Maximum number of transfers shown; the history of kind TRANSFER_OUT has all of them.</summary>
    public const int TransfersMax = 100;

    private const string LotByKey =
        $"SELECT {LotRows.Columns} FROM point_accumulations AS a WHERE a.member_id = $1 AND a.point_key = $2";

    private const string Usages =
        """
        SELECT u.point_key, u.order_number, d.amount, d.cancelled_amount, d.usage_id
        FROM point_usage_details AS d JOIN point_usages AS u ON u.member_id = d.member_id AND u.usage_id = d.usage_id
        WHERE d.member_id = $1 AND d.usage_id > $3
          AND d.lot_id = (SELECT lot_id FROM point_accumulations WHERE member_id = $1 AND point_key = $2)
        ORDER BY d.usage_id LIMIT $4
        """;

    /// <summary>
    /// The sequence in the receiver's ledger of the first entry of the transfer <c>g</c> (point_key, to_member_id, created_at).
    /// </summary>
    internal const string FirstReceived =
        """
        coalesce(
            (SELECT r.sequence FROM point_ledger_entries AS r
             WHERE r.member_id = g.to_member_id AND r.kind = 'TRANSFER_IN' AND r.sequence = r.group_sequence AND r.point_key = g.point_key
               AND r.sequence > ledger_sequence_at(g.to_member_id, g.created_at - interval '1 hour')
             ORDER BY r.sequence LIMIT 1),
            (SELECT r.sequence FROM point_ledger_entries AS r
             WHERE r.member_id = g.to_member_id AND r.kind = 'TRANSFER_IN' AND r.sequence = r.group_sequence AND r.point_key = g.point_key
             ORDER BY r.sequence LIMIT 1))
        """;

    // No index leads from a lot to its transfers. So the member's transfers since the grant are searched, but only if the lot has used
    // points that its usages do not account for. The n-th entry of the giver's group and the n-th entry of the receiver's group are the
    // two sides of one part. The receiver's group is searched from one hour before the transfer (clocks differ); if it is not there, from
    // the beginning.
    private const string Transfers =
        $"""
        WITH lot AS (
            SELECT a.lot_id FROM point_accumulations AS a
            WHERE a.member_id = $1 AND a.point_key = $2
              AND EXISTS (SELECT FROM point_transfers AS t WHERE t.member_id = $1 AND t.first_sequence > a.lot_id)
              AND a.used_amount > (
                  SELECT coalesce(sum(d.amount - d.cancelled_amount), 0) FROM point_usage_details AS d WHERE d.member_id = $1 AND d.lot_id = a.lot_id)
        ), given AS (
            SELECT t.point_key, t.to_member_id, t.created_at, -e.delta AS amount, e.sequence - t.first_sequence AS part
            FROM lot
            JOIN point_transfers AS t ON t.member_id = $1 AND t.first_sequence > lot.lot_id
            CROSS JOIN LATERAL (
                SELECT sequence, delta FROM point_ledger_entries
                WHERE member_id = $1 AND lot_id = lot.lot_id AND sequence BETWEEN t.first_sequence AND coalesce(
                    (SELECT sequence FROM point_ledger_entries
                     WHERE member_id = $1 AND sequence > t.first_sequence AND sequence = group_sequence ORDER BY sequence LIMIT 1) - 1,
                    t.first_sequence + t.amount)
            ) AS e
            ORDER BY t.first_sequence LIMIT $3
        )
        SELECT g.point_key, g.to_member_id, g.amount,
            (SELECT a.point_key FROM point_accumulations AS a WHERE a.member_id = g.to_member_id AND a.lot_id = g.part + {FirstReceived})
        FROM given AS g
        """;

    /// <summary>Reads a lot and the usages after a position; null when there is no such lot.</summary>
    public static Task<AccumulationTrace?> ReadAsync(
        NpgsqlDataSource database, PointKey key, long afterUsageId, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, key, afterUsageId, size, cancellationToken), cancellationToken);

    private static async Task<AccumulationTrace?> ReadAsync(
        NpgsqlConnection connection, PointKey key, long afterUsageId, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(LotByKey, Member(key), Text(key)));
        batch.BatchCommands.Add(Columns.Statement(Usages, Member(key), Text(key), Columns.Value(afterUsageId), Columns.Value(size + 1)));
        batch.BatchCommands.Add(Columns.Statement(Transfers, Member(key), Text(key), Columns.Value(TransfersMax)));
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var lot = LotRows.Read(reader);
        await reader.NextResultAsync(cancellationToken);
        var usages = await ReadUsagesAsync(reader, key, size, cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        return new AccumulationTrace(lot, usages, await ReadTransfersAsync(reader, cancellationToken));
    }

    /// <summary>The name of the list of usages of a lot, for its cursors.</summary>
    public static string List(PointKey key) => $"usages:{key.Value}";

    private static async Task<Page<LotUsage>> ReadUsagesAsync(NpgsqlDataReader reader, PointKey key, int size, CancellationToken cancellationToken)
    {
        var usages = new List<LotUsage>();
        string? next = null;
        long last = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            if (usages.Count == size)
            {
                next = Cursor.Write(List(key), last);
                continue;
            }

            last = reader.GetInt64(4);
            usages.Add(new LotUsage(reader.GetString(0), reader.GetString(1), reader.GetInt64(2), reader.GetInt64(3)));
        }

        return new Page<LotUsage>(usages, next);
    }

    private static async Task<List<LotTransfer>> ReadTransfersAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var transfers = new List<LotTransfer>();
        while (await reader.ReadAsync(cancellationToken))
        {
            transfers.Add(new LotTransfer(
                reader.GetString(0), reader.GetInt64(1), reader.TextOrNull(3), reader.GetInt64(2)));
        }

        return transfers;
    }

    private static NpgsqlParameter Member(PointKey key) => Columns.Value(key.MemberId);

    private static NpgsqlParameter Text(PointKey key) => Columns.Value(key.Value);
}
