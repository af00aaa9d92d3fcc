using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A usage and its cancellations.</summary>
/// <param name="Usage">The usage with its first details.</param>
/// <param name="Details">Total number of details.</param>
/// <param name="Cancellations">A page of its cancellations, each with its first parts.</param>
internal sealed record UsageTrace(Usage Usage, int Details, Page<CancellationResponse> Cancellations);

/// <summary>Reads a usage, the lots it drew from, and its cancellations.</summary>
internal static class UsageTraceQuery
{
    private const string UsageByKey =
        """
        SELECT usage_id, order_number, total_amount, cancelled_amount, created_at, updated_at,
            (SELECT max(d.detail_number) FROM point_usage_details AS d WHERE d.member_id = u.member_id AND d.usage_id = u.usage_id)
        FROM point_usages AS u WHERE member_id = $1 AND point_key = $2
        """;

    // Each LATERAL has an OFFSET 0, which keeps it a look-up by key: the plan of a join depends on statistics, which a new large member
    // may lack.
    private const string Details =
        $"""
        SELECT d.detail_number, d.lot_id, d.amount, d.cancelled_amount,
            (SELECT a.point_key FROM point_accumulations AS a WHERE a.member_id = $1 AND a.lot_id = d.lot_id)
        FROM (SELECT usage_id FROM point_usages WHERE member_id = $1 AND point_key = $2) AS u
        CROSS JOIN LATERAL (
            SELECT * FROM point_usage_details WHERE member_id = $1 AND usage_id = u.usage_id AND detail_number > $3 ORDER BY detail_number {Sql.PageMax}
        ) AS d
        ORDER BY d.detail_number LIMIT $4
        """;

    // The parts of a cancellation are the entries in its range: on lots that got points back, and the first entries of re-granted lots.
    private static readonly string Cancellations =
        $"""
        SELECT c.first_sequence, c.point_key, c.amount, c.reason, c.created_at, c.last_sequence - c.first_sequence + 1,
            e.kind, e.delta, a.point_key, a.source_point_key, a.expiration_date
        FROM (
            SELECT c.* FROM point_usages AS u JOIN usage_cancellations AS c ON c.member_id = u.member_id AND c.usage_id = u.usage_id
            WHERE u.member_id = $1 AND u.point_key = $2 AND c.first_sequence > $3
            ORDER BY c.first_sequence LIMIT $4
        ) AS c
        CROSS JOIN LATERAL (
            SELECT sequence, kind, delta, lot_id FROM point_ledger_entries
            WHERE member_id = $1 AND sequence BETWEEN c.first_sequence AND least(c.last_sequence, c.first_sequence + {InnerLists.NestedSizeMax - 1})
            ORDER BY sequence OFFSET 0
        ) AS e
        CROSS JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = $1 AND lot_id = e.lot_id OFFSET 0) AS a
        ORDER BY c.first_sequence, e.sequence
        """;

    /// <summary>Reads a usage and its cancellations after a position, oldest first; null when there is no such usage.</summary>
    public static Task<UsageTrace?> ReadAsync(
        NpgsqlDataSource database, PointKey key, long afterSequence, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, key, afterSequence, size, cancellationToken), cancellationToken);

    private static async Task<UsageTrace?> ReadAsync(
        NpgsqlConnection connection, PointKey key, long afterSequence, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        Add(batch, key, afterSequence, size);
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await ReadAsync(reader, key, size, cancellationToken);
    }

    /// <summary>Adds the statements of a usage and its cancellations after a position to a batch.</summary>
    public static void Add(NpgsqlBatch batch, PointKey key, long afterSequence, int size)
    {
        batch.BatchCommands.Add(Columns.Statement(UsageByKey, Columns.Value(key.MemberId), Columns.Value(key.Value)));
        batch.BatchCommands.Add(Columns.Statement(
            Details, Columns.Value(key.MemberId), Columns.Value(key.Value), Columns.Value(0L), Columns.Value(InnerLists.SizeMax)));
        batch.BatchCommands.Add(Columns.Statement(
            Cancellations, Columns.Value(key.MemberId), Columns.Value(key.Value), Columns.Value(afterSequence), Columns.Value(size + 1)));
    }

    /// <summary>Reads the results of the statements of <see cref="Add"/>, up to the last one; null when there is no such usage.</summary>
    public static async Task<UsageTrace?> ReadAsync(NpgsqlDataReader reader, PointKey key, int size, CancellationToken cancellationToken)
    {
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var details = new List<UsageDetail>();
        var usage = ReadUsage(reader, key, details);
        var total = reader.IsDBNull(6) ? 0 : reader.GetInt32(6);
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            details.Add(ReadDetail(reader));
        }

        await reader.NextResultAsync(cancellationToken);
        return new UsageTrace(usage, total, await ReadCancellationsAsync(reader, key, size, cancellationToken));
    }

    /// <summary>Reads the details of a usage after a position; null when there is no such usage.</summary>
    public static Task<Page<UsageDetailResponse>?> ReadDetailsAsync(
        NpgsqlDataSource database, PointKey key, long afterNumber, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadDetailsAsync(connection, key, afterNumber, size, cancellationToken), cancellationToken);

    private static async Task<Page<UsageDetailResponse>?> ReadDetailsAsync(
        NpgsqlConnection connection, PointKey key, long afterNumber, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
        batch.BatchCommands.Add(Columns.Statement(UsageByKey, Columns.Value(key.MemberId), Columns.Value(key.Value)));
        batch.BatchCommands.Add(Columns.Statement(
            Details, Columns.Value(key.MemberId), Columns.Value(key.Value), Columns.Value(afterNumber), Columns.Value(size)));
        batch.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var total = reader.IsDBNull(6) ? 0 : reader.GetInt32(6);
        var items = new List<UsageDetailResponse>();
        var last = afterNumber;
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var detail = ReadDetail(reader);
            last = detail.Number;
            items.Add(UsageDetailResponse.From(detail));
        }

        return new Page<UsageDetailResponse>(items, InnerLists.Next(InnerLists.DetailsOf(key), last, total));
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
                var own = LotRows.Key(reader.GetString(1));
                var total = (int)reader.GetInt64(5);
                cancellations.Add(new CancellationResponse(
                    own.Value,
                    key.Value,
                    key.MemberId,
                    reader.GetInt64(2),
                    restored = [],
                    regranted = [],
                    total,
                    InnerLists.Next(InnerLists.PartsOf(own), InnerLists.NestedSizeMax, total),
                    reader.TextOrNull(3),
                    reader.GetFieldValue<DateTimeOffset>(4),
                    Usage: null));
            }

            CancellationQuery.ReadPart(reader, 6, restored, regranted);
        }

        return new Page<CancellationResponse>(cancellations, null);
    }
}
