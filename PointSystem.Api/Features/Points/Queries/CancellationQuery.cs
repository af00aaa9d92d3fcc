using Npgsql;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Reads a cancellation and a page of its parts.</summary>
internal static class CancellationQuery
{
    // Sequences have no gaps, so the n-th part is the n-th entry in the range of the cancellation.
    private const string Text =
        """
        SELECT c.amount, c.reason, c.created_at, c.last_sequence - c.first_sequence + 1,
            (SELECT u.point_key FROM point_usages AS u WHERE u.member_id = $1 AND u.usage_id = c.usage_id),
            e.kind, e.delta, a.point_key, a.source_point_key, a.expiration_date
        FROM (SELECT * FROM usage_cancellations WHERE member_id = $1 AND point_key = $2) AS c
        LEFT JOIN LATERAL (
            SELECT sequence, kind, delta, lot_id FROM point_ledger_entries
            WHERE member_id = $1 AND sequence BETWEEN c.first_sequence + $3 AND least(c.last_sequence, c.first_sequence + $3 + $4 - 1)
            ORDER BY sequence OFFSET 0
        ) AS e ON true
        LEFT JOIN LATERAL (SELECT * FROM point_accumulations WHERE member_id = $1 AND lot_id = e.lot_id OFFSET 0) AS a ON true
        ORDER BY e.sequence
        """;

    /// <summary>Reads a cancellation and its parts after a position; null when there is no such cancellation.</summary>
    public static Task<CancellationResponse?> ReadAsync(
        NpgsqlDataSource database, PointKey key, long after, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, key, after, size, cancellationToken), cancellationToken);

    private static async Task<CancellationResponse?> ReadAsync(
        NpgsqlConnection connection, PointKey key, long after, int size, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            Text, Columns.Value(key.MemberId), Columns.Value(key.Value), Columns.Value(after), Columns.Value((long)size)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        CancellationResponse? cancellation = null;
        List<RestoredResponse> restored = [];
        List<RegrantedResponse> regranted = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            var total = (int)reader.GetInt64(3);
            cancellation ??= new CancellationResponse(
                key.Value,
                reader.GetString(4),
                key.MemberId,
                reader.GetInt64(0),
                restored,
                regranted,
                total,
                InnerLists.Next(InnerLists.PartsOf(key), after + size, total),
                reader.TextOrNull(1),
                reader.GetFieldValue<DateTimeOffset>(2),
                Usage: null);
            if (!reader.IsDBNull(5))
            {
                ReadPart(reader, 5, restored, regranted);
            }
        }

        return cancellation;
    }

    /// <summary>
    /// Reads a part of a cancellation from the columns that start at <paramref name="at"/>: kind, points, and the lot's key, source and
    /// expiration date.
    /// </summary>
    public static void ReadPart(NpgsqlDataReader reader, int at, List<RestoredResponse> restored, List<RegrantedResponse> regranted)
    {
        var (lotKey, points) = (reader.GetString(at + 2), reader.GetInt64(at + 1));
        if (reader.GetString(at) == WireNames.Of(PointKind.Regrant))
        {
            regranted.Add(new RegrantedResponse(reader.GetString(at + 3), lotKey, points, reader.GetFieldValue<DateOnly>(at + 4)));
        }
        else
        {
            restored.Add(new RestoredResponse(lotKey, points));
        }
    }
}
