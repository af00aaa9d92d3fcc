using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Gives notice that points of a member will expire: some days ahead (<see cref="JobOptions.NoticeDays"/>), once for each member, date and number of days.
/// A notice is a row of <c>expiry_notices</c>, which stays, and with it the event <c>points.expiring.v1</c>.
/// </summary>
/// <remarks>
/// For each number of days ahead, one date after the other is gone through, in the order of members; a date that a stop has left behind is made up for while
/// its points can still be used. Two runners at a time are harmless: a notice that exists is not given again.
/// </remarks>
internal sealed class ExpiryNotices(NpgsqlDataSource database, IOptions<JobOptions> options, TimeProvider time)
{
    private const long Complete = long.MaxValue;

    private const string FindProgress = "SELECT expiration_date, last_member_id FROM expiry_notice_progress WHERE days_ahead = $1";

    private const string KeepProgress =
        """
        INSERT INTO expiry_notice_progress (days_ahead, expiration_date, last_member_id) VALUES ($1, $2, $3)
        ON CONFLICT (days_ahead) DO UPDATE SET expiration_date = excluded.expiration_date, last_member_id = excluded.last_member_id
        """;

    // From ix_point_accumulations_expiry, which only a query with "lot_id > 0" can use.
    private const string Give =
        """
        WITH next AS (
            SELECT member_id, sum(available_amount)::bigint AS amount FROM point_accumulations
            WHERE is_open AND lot_id > 0 AND expiration_date = $2 AND member_id > $3
            GROUP BY member_id ORDER BY member_id LIMIT $4
        ), given AS (
            INSERT INTO expiry_notices (member_id, expiration_date, days_ahead, amount, given_at)
            SELECT member_id, $2, $1, amount, $5 FROM next
            ON CONFLICT (member_id, expiration_date, days_ahead) DO NOTHING
        )
        SELECT count(*)::int, coalesce(max(member_id), 0) FROM next
        """;

    /// <summary>Goes through some members; false if there were none left.</summary>
    /// <param name="today">The business date.</param>
    /// <param name="cancellationToken">Cancels it; what was not committed is done by the next run.</param>
    public async Task<bool> RunChunkAsync(DateOnly today, CancellationToken cancellationToken)
    {
        foreach (var days in options.Value.DaysOfNotices)
        {
            if (await RunChunkAsync(today, days, cancellationToken))
            {
                return true;
            }
        }

        return false;
    }

    private async Task<bool> RunChunkAsync(DateOnly today, int daysAhead, CancellationToken cancellationToken)
    {
        var last = today.AddDays(daysAhead);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var (date, member) = await FindAsync(connection, daysAhead, cancellationToken) ?? (last, 0);
        if (date > last)
        {
            // The clock was set back, which is possible outside production.
            (date, member) = (last, 0);
        }
        else if (date < last && member == Complete)
        {
            (date, member) = (date.AddDays(1), 0);
        }

        if (date < today)
        {
            (date, member) = (today, 0);
        }

        if (member == Complete)
        {
            return false;
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var chunk = options.Value.ExpiryChunk;
        int count;
        await using (var give = connection.CreateBatch())
        {
            give.BatchCommands.Add(Columns.Statement(
                Give, Columns.Value(daysAhead), Columns.Value(date), Columns.Value(member), Columns.Value(chunk), Columns.Value(time.GetUtcNow())));
            await using var reader = await give.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            count = reader.GetInt32(0);
            member = count < chunk ? Complete : reader.GetInt64(1);
        }

        await using (var keep = connection.CreateBatch())
        {
            keep.BatchCommands.Add(Columns.Statement(KeepProgress, Columns.Value(daysAhead), Columns.Value(date), Columns.Value(member)));
            await keep.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(CancellationToken.None);
        return true;
    }

    private static async Task<(DateOnly Date, long Member)?> FindAsync(NpgsqlConnection connection, int daysAhead, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(FindProgress, Columns.Value(daysAhead)));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? (reader.GetFieldValue<DateOnly>(0), reader.GetInt64(1)) : null;
    }
}
