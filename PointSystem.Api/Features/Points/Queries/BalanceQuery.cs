using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>The balance of a member and a page of the lots that make it up, from one snapshot.</summary>
/// <param name="Balance">Usable points.</param>
/// <param name="ManualBalance">The part of the balance in manual grants.</param>
/// <param name="Lots">Live lots in draw order; one more than requested if more follow.</param>
/// <param name="State">The state of the member at the moment of the balance.</param>
internal sealed record BalanceSnapshot(long Balance, long ManualBalance, IReadOnlyList<Lot> Lots, MemberState State)
{
    /// <summary>The member's version when a past balance was read: the lots have the times of their last changes until then.</summary>
    public long CurrentVersion { get; init; }
}

/// <summary>Reads the current balance.</summary>
internal static class BalanceQuery
{
    // One statement is one snapshot. The balance is that of the wallet minus the points that have expired but are not posted yet. Live
    // lots are not added up, so the cost does not depend on their number. Every part occurs twice because the draw order index has
    // is_manual_grant before the date.
    internal const string Text =
        $"""
        WITH expired AS (
            SELECT available_amount, is_manual_grant FROM point_accumulations
            WHERE member_id = $1 AND is_open AND is_manual_grant AND expiration_date < $2
            UNION ALL
            SELECT available_amount, is_manual_grant FROM point_accumulations
            WHERE member_id = $1 AND is_open AND NOT is_manual_grant AND expiration_date < $2
        ), totals AS (
            SELECT
                coalesce(max(w.balance), 0) - (SELECT coalesce(sum(available_amount), 0)::bigint FROM expired) AS balance,
                coalesce(max(w.manual_balance), 0)
                    - (SELECT coalesce(sum(available_amount), 0)::bigint FROM expired WHERE is_manual_grant) AS manual_balance,
                coalesce(max(w.version), 0) AS version,
                EXISTS (SELECT FROM expired) AS has_unposted
            FROM member_wallets AS w WHERE w.member_id = $1
        )
        SELECT t.balance, t.manual_balance, t.version, t.has_unposted, {LotRows.Columns}
        FROM totals AS t LEFT JOIN (
            (SELECT * FROM (
                SELECT * FROM point_accumulations AS a
                WHERE member_id = $1 AND is_open AND is_manual_grant AND (expiration_date, created_at, lot_id) > ($4, $5, $6)
                ORDER BY {LotRows.DrawOrder} {Sql.PageMax}
             ) AS a ORDER BY {LotRows.DrawOrder} LIMIT $3)
            UNION ALL
            (SELECT * FROM (
                SELECT * FROM point_accumulations AS a
                WHERE member_id = $1 AND is_open AND NOT is_manual_grant AND (expiration_date, created_at, lot_id) > ($7, $8, $9)
                ORDER BY {LotRows.DrawOrder} {Sql.PageMax}
             ) AS a ORDER BY {LotRows.DrawOrder} LIMIT $3)
        ) AS a ON true
        ORDER BY {LotRows.DrawOrder}
        LIMIT $3
        """;

    /// <summary>Reads the balance and up to <paramref name="count"/> live lots after a position.</summary>
    public static Task<BalanceSnapshot> ReadAsync(
        NpgsqlDataSource database, long memberId, DateOnly today, DrawPosition? after, int count, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, memberId, today, after, count, cancellationToken), cancellationToken);

    private static async Task<BalanceSnapshot> ReadAsync(
        NpgsqlConnection connection, long memberId, DateOnly today, DrawPosition? after, int count, CancellationToken cancellationToken)
    {
        var (manual, ordinary) = (after ?? DrawPosition.Start(today)).Bounds(today);
        await using var command = connection.CreateBatch();
        command.BatchCommands.Add(Columns.Statement(
            Text, [Columns.Value(memberId), Columns.Value(today), Columns.Value(count), .. Sql.Values(manual), .. Sql.Values(ordinary)]));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await ReadAsync(reader, cancellationToken);
    }

    /// <summary>Reads rows that each hold the totals and a lot; without lots, there is one row with the totals only.</summary>
    internal static async Task<BalanceSnapshot> ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var (balance, manualBalance) = (0L, 0L);
        MemberState state = default;
        var lots = new List<Lot>();
        while (await reader.ReadAsync(cancellationToken))
        {
            (balance, manualBalance) = (reader.GetInt64(0), reader.GetInt64(1));
            state = new MemberState(reader.GetInt64(2), reader.GetBoolean(3));
            if (!await reader.IsDBNullAsync(4, cancellationToken))
            {
                lots.Add(LotRows.Read(reader, 4));
            }
        }

        return new BalanceSnapshot(balance, manualBalance, lots, state);
    }
}
