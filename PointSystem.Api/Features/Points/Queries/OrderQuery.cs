using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Reads the usages of an order, of all members, with what they drew and their cancellations.</summary>
internal static class OrderQuery
{
    /// <summary>Maximum number of usages of a page: each can have 100 details and 20 cancellations with 20 parts.</summary>
    public const int PageMax = 20;

    // usage_id > 0 is the condition of the index.
    private const string Usages =
        $"""
        SELECT u.member_id, u.usage_id, u.point_key FROM (
            SELECT member_id, usage_id, point_key FROM point_usages
            WHERE order_number = $1 AND usage_id > 0 AND (member_id, usage_id) > ($2, $3) ORDER BY member_id, usage_id {Sql.PageMax}
        ) AS u
        ORDER BY u.member_id, u.usage_id LIMIT $4
        """;

    /// <summary>The name of the list of usages of an order, for its cursors. A position is a member and a usage.</summary>
    public static string List(string orderNumber) => $"order:{orderNumber}";

    /// <summary>Reads up to <paramref name="size"/> usages after a position, by member and then oldest first.</summary>
    public static Task<Page<UsageTrace>> ReadAsync(
        NpgsqlDataSource database, string orderNumber, long afterMember, long afterUsage, int size, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, orderNumber, afterMember, afterUsage, size, cancellationToken), cancellationToken);

    private static async Task<Page<UsageTrace>> ReadAsync(
        NpgsqlConnection connection, string orderNumber, long afterMember, long afterUsage, int size, CancellationToken cancellationToken)
    {
        var found = new List<(long Member, long Usage, PointKey Key)>();
        await using (var find = connection.CreateBatch())
        {
            find.BatchCommands.Add(Columns.Statement(Sql.Snapshot));
            find.BatchCommands.Add(Columns.Statement(
                Usages, Columns.Value(orderNumber), Columns.Value(afterMember), Columns.Value(afterUsage), Columns.Value(size + 1)));
            await using var rows = await find.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
            {
                found.Add((rows.GetInt64(0), rows.GetInt64(1), LotRows.Key(rows.GetString(2))));
            }
        }

        string? next = null;
        if (found.Count > size)
        {
            found.RemoveRange(size, found.Count - size);
            next = Cursor.Write(List(orderNumber), found[^1].Member, found[^1].Usage);
        }

        await using var read = connection.CreateBatch();
        foreach (var (_, _, key) in found)
        {
            UsageTraceQuery.Add(read, key, 0, InnerLists.NestedSizeMax);
        }

        read.BatchCommands.Add(Columns.Statement(Sql.Commit));
        await using var reader = await read.ExecuteReaderAsync(cancellationToken);
        var traces = new List<UsageTrace>(found.Count);
        foreach (var (_, _, key) in found)
        {
            traces.Add(await UsageTraceQuery.ReadAsync(reader, key, InnerLists.NestedSizeMax, cancellationToken)
                ?? throw new InvalidOperationException($"The usage '{key.Value}' of the order has disappeared within a snapshot."));
            await reader.NextResultAsync(cancellationToken);
        }

        return new Page<UsageTrace>(traces, next);
    }
}
