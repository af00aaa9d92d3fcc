using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A usage and what has become of it.</summary>
internal sealed record UsageTrace(Usage Usage, Page<CancellationResponse> Cancellations);

/// <summary>The trace from a usage to the lots it drew from, and to those that got points back.</summary>
internal static class UsageTraceQuery
{
    private const string UsageByKey =
        """
        SELECT usage_id, order_number, total_amount, cancelled_amount, created_at, updated_at
        FROM point_usages WHERE member_id = $1 AND point_key = $2
        """;

    private const string Details =
        """
        SELECT d.detail_number, d.lot_id, d.amount, d.cancelled_amount,
            (SELECT a.point_key FROM point_accumulations AS a WHERE a.member_id = d.member_id AND a.lot_id = d.lot_id)
        FROM point_usages AS u JOIN point_usage_details AS d ON d.member_id = u.member_id AND d.usage_id = u.usage_id
        WHERE u.member_id = $1 AND u.point_key = $2
        ORDER BY d.detail_number
        """;

    // What a cancellation did stands in its range of the journal: entries on lots that got points back, and the first entries of new lots.
    private const string Cancellations =
        """
        SELECT c.first_sequence, c.point_key, c.amount, c.reason, c.created_at, e.kind, e.delta, e.lot_key, e.source_point_key, e.expiration_date
        FROM (
            SELECT c.* FROM point_usages AS u JOIN usage_cancellations AS c ON c.member_id = u.member_id AND c.usage_id = u.usage_id
            WHERE u.member_id = $1 AND u.point_key = $2 AND c.first_sequence > $3
            ORDER BY c.first_sequence LIMIT $4
        ) AS c
        CROSS JOIN LATERAL (
            SELECT e.sequence, e.kind, e.delta, a.point_key AS lot_key, a.source_point_key, a.expiration_date
            FROM point_ledger_entries AS e JOIN point_accumulations AS a ON a.member_id = e.member_id AND a.lot_id = e.lot_id
            WHERE e.member_id = $1 AND e.sequence BETWEEN c.first_sequence AND c.last_sequence
            ORDER BY e.sequence OFFSET 0
        ) AS e
        ORDER BY c.first_sequence, e.sequence
        """;

    /// <summary>Reads a usage and its cancellations after a position, oldest first; null when there is no such usage.</summary>
    public static async Task<UsageTrace?> ReadAsync(
        NpgsqlDataSource database, PointKey key, long afterSequence, int size, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(UsageByKey, Columns.Value(key.MemberId), Columns.Value(key.Value)));
        batch.BatchCommands.Add(Columns.Statement(Details, Columns.Value(key.MemberId), Columns.Value(key.Value)));
        batch.BatchCommands.Add(Columns.Statement(
            Cancellations, Columns.Value(key.MemberId), Columns.Value(key.Value), Columns.Value(afterSequence), Columns.Value(size + 1)));
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var details = new List<UsageDetail>();
        var usage = ReadUsage(reader, key, details);
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            details.Add(ReadDetail(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        return new UsageTrace(usage, await ReadCancellationsAsync(reader, key, size, cancellationToken));
    }

    /// <summary>The name of the list of cancellations of a usage, for its cursors.</summary>
    public static string List(PointKey key) => $"cancellations:{key.Value}";

    private static Usage ReadUsage(NpgsqlDataReader reader, PointKey key, List<UsageDetail> details) => new()
    {
        Id = reader.GetInt64(0),
        MemberId = key.MemberId,
        Key = key,
        OrderNumber = reader.GetString(1),
        TotalAmount = reader.GetInt64(2),
        CancelledAmount = reader.GetInt64(3),
        Details = details,
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(4),
        UpdatedAt = reader.GetFieldValue<DateTimeOffset>(5),
    };

    private static UsageDetail ReadDetail(NpgsqlDataReader reader) => new()
    {
        Number = reader.GetInt32(0),
        LotId = reader.GetInt64(1),
        LotKey = LotRows.Key(reader.GetString(4)),
        Amount = reader.GetInt64(2),
        CancelledAmount = reader.GetInt64(3),
    };

    private static async Task<Page<CancellationResponse>> ReadCancellationsAsync(
        NpgsqlDataReader reader, PointKey key, int size, CancellationToken cancellationToken)
    {
        var cancellations = new List<CancellationResponse>();
        List<RestoredResponse> restored = [];
        List<RegrantedResponse> regranted = [];
        long last = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            var first = reader.GetInt64(0);
            if (first != last)
            {
                if (cancellations.Count == size)
                {
                    return new Page<CancellationResponse>(cancellations, Cursor.Write(List(key), last));
                }

                last = first;
                cancellations.Add(new CancellationResponse(
                    reader.GetString(1),
                    key.Value,
                    key.MemberId,
                    reader.GetInt64(2),
                    restored = [],
                    regranted = [],
                    reader.IsDBNull(3) ? null : reader.GetString(3),
                    reader.GetFieldValue<DateTimeOffset>(4),
                    Usage: null));
            }

            var (lotKey, points) = (reader.GetString(7), reader.GetInt64(6));
            if (reader.GetString(5) == "REGRANT")
            {
                regranted.Add(new RegrantedResponse(reader.GetString(8), lotKey, points, reader.GetFieldValue<DateOnly>(9)));
            }
            else
            {
                restored.Add(new RestoredResponse(lotKey, points));
            }
        }

        return new Page<CancellationResponse>(cancellations, null);
    }
}
