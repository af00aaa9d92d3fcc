using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>The state of a member.</summary>
/// <param name="Version">The sequence of the member's last ledger entry; 0 if there is none.</param>
/// <param name="HasUnpostedExpirations">Whether points have expired without being posted: then the usable balance has changed since the entry.</param>
internal readonly record struct MemberState(long Version, bool HasUnpostedExpirations);

/// <summary>Reads the state of a member.</summary>
internal static class MemberStateQuery
{
    private const string Text =
        """
        SELECT coalesce((SELECT version FROM member_wallets WHERE member_id = $1), 0),
            EXISTS (SELECT FROM point_accumulations WHERE member_id = $1 AND is_open AND is_manual_grant AND expiration_date < $2)
            OR EXISTS (SELECT FROM point_accumulations WHERE member_id = $1 AND is_open AND NOT is_manual_grant AND expiration_date < $2)
        """;

    public static Task<MemberState> ReadAsync(NpgsqlDataSource database, long memberId, DateOnly today, CancellationToken cancellationToken) =>
        database.RunAsync(
            async connection =>
            {
                await using var batch = connection.CreateBatch();
                batch.BatchCommands.Add(Columns.Statement(Text, Columns.Value(memberId), Columns.Value(today)));
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                await reader.ReadAsync(cancellationToken);
                return new MemberState(reader.GetInt64(0), reader.GetBoolean(1));
            },
            cancellationToken);
}
