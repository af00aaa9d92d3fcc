using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Reads a transfer and a page of its details.</summary>
internal static class TransferQuery
{
    // The n-th entry of the giver's group and the n-th entry of the receiver's group are the two sides of one part. A group ends where
    // the next begins.
    private const string Text =
        $"""
        WITH t AS (
            SELECT g.*, {AccumulationTraceQuery.FirstReceived} AS received,
                coalesce(
                    (SELECT sequence FROM point_ledger_entries
                     WHERE member_id = $1 AND sequence > g.first_sequence AND sequence = group_sequence ORDER BY sequence LIMIT 1),
                    (SELECT max(sequence) + 1 FROM point_ledger_entries WHERE member_id = $1)) - g.first_sequence AS parts
            FROM point_transfers AS g WHERE g.member_id = $1 AND g.point_key = $2
        )
        SELECT t.to_member_id, t.amount, t.reason, t.created_at, t.parts, e.delta, a.point_key, r.point_key, r.expiration_date
        FROM t
        LEFT JOIN LATERAL (
            SELECT sequence, delta, lot_id FROM point_ledger_entries
            WHERE member_id = $1 AND sequence BETWEEN t.first_sequence + $3 AND t.first_sequence + least(t.parts, $3 + $4) - 1
            ORDER BY sequence OFFSET 0
        ) AS e ON true
        LEFT JOIN LATERAL (SELECT point_key FROM point_accumulations WHERE member_id = $1 AND lot_id = e.lot_id OFFSET 0) AS a ON true
        LEFT JOIN LATERAL (
            SELECT point_key, expiration_date FROM point_accumulations
            WHERE member_id = t.to_member_id AND lot_id = t.received + e.sequence - t.first_sequence OFFSET 0
        ) AS r ON true
        ORDER BY e.sequence
        """;

    /// <summary>Reads a transfer and its details after a position; null when there is no such transfer.</summary>
    public static Task<TransferResponse?> ReadAsync(NpgsqlDataSource database, PointKey key, long after, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, key, after, size, cancellationToken), cancellationToken);

    private static async Task<TransferResponse?> ReadAsync(
        NpgsqlConnection connection, PointKey key, long after, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            Text, Columns.Value(key.MemberId), Columns.Value(key.Value), Columns.Value(after), Columns.Value((long)size)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        TransferResponse? transfer = null;
        List<TransferDetailResponse> details = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            var total = (int)reader.GetInt64(4);
            transfer ??= new TransferResponse(
                key.Value,
                key.MemberId,
                reader.GetInt64(0),
                reader.GetInt64(1),
                details,
                total,
                InnerLists.Next(InnerLists.PartsOf(key), after + size, total),
                reader.TextOrNull(2),
                reader.GetFieldValue<DateTimeOffset>(3));
            if (!reader.IsDBNull(5))
            {
                details.Add(new TransferDetailResponse(
                    reader.GetString(6), reader.GetString(7), -reader.GetInt64(5), reader.GetFieldValue<DateOnly>(8)));
            }
        }

        return transfer;
    }
}
