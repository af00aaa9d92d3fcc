using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Notifications;

/// <summary>Contacts and notifications in the database. PointSystem.Notifications writes the notifications, and this service changes their status.</summary>
internal sealed class NotificationStore(NpgsqlDataSource database, [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource reads, TimeProvider time)
{
    /// <summary>How far a notification has come; the names stand in the database.</summary>
    public static readonly IReadOnlyList<string> Statuses = ["PENDING", "SENT", "DEAD", "DISCARDED"];

    private const string ContactColumns = "member_id, email, push_token, language, opt_outs, created_at, updated_at";

    private const string RowColumns =
        "id, member_id, channel, event_id, event_type, status, attempts, created_at, CASE WHEN status = 'PENDING' THEN due_at END, attempted_at, ended_at, last_error";

    private const string Replay =
        "UPDATE notifications SET status = 'PENDING', attempts = 0, due_at = $1, not_after = 'infinity', ended_at = NULL WHERE ";

    /// <summary>The contact of a member; null if there is none.</summary>
    public async Task<ContactResponse?> FindContactAsync(long memberId, CancellationToken cancellationToken) => (await reads.QueryAsync(
        $"SELECT {ContactColumns} FROM notification_contacts WHERE member_id = $1", [Columns.Value(memberId)], ReadContact, cancellationToken)).SingleOrDefault();

    /// <summary>Creates or replaces the contact of a member.</summary>
    /// <returns>The contact as it is now, and whether it is new.</returns>
    public async Task<(ContactResponse Contact, bool IsNew)> PutContactAsync(
        long memberId, string? email, string? pushToken, string language, IReadOnlyList<string> optOuts, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            $"""
            INSERT INTO notification_contacts AS c (member_id, email, push_token, language, opt_outs, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)
            ON CONFLICT (member_id) DO UPDATE SET email = $2, push_token = $3, language = $4, opt_outs = $5, updated_at = greatest(c.updated_at, $6)
            RETURNING {ContactColumns}, xmax = 0
            """,
            Columns.Value(memberId), Columns.Value(email), Columns.Value(pushToken), Columns.Value(language), Columns.Texts(optOuts, optOut => optOut),
            Columns.Value(Columns.AsStored(time.GetUtcNow()))));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (ReadContact(reader), reader.GetBoolean(7));
    }

    /// <summary>Deletes the contact of a member; what waits for the member is then discarded. False if there was none.</summary>
    public async Task<bool> DeleteContactAsync(long memberId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement("DELETE FROM notification_contacts WHERE member_id = $1", Columns.Value(memberId)));
        return await batch.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    /// <summary>What was sent to a member, newest first.</summary>
    public Task<List<SentNotificationResponse>> ListSentAsync(long memberId, long before, int limit, CancellationToken cancellationToken) => reads.QueryAsync(
        """
        SELECT id, event_id, event_type, channel, address, subject, answer, sent_at FROM sent_notifications
        WHERE member_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
        """,
        [Columns.Value(memberId), Columns.Value(before), Columns.Value(limit)],
        reader => new SentNotificationResponse(
            reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5), reader.GetString(6),
            reader.GetFieldValue<DateTimeOffset>(7)),
        cancellationToken);

    /// <summary>Notifications, newest first; null as the status lists all.</summary>
    public Task<List<NotificationResponse>> ListAsync(string? status, long before, int limit, CancellationToken cancellationToken) => reads.QueryAsync(
        $"SELECT {RowColumns} FROM notifications WHERE id < $1 {(status is null ? "" : "AND status = $3")} ORDER BY id DESC LIMIT $2",
        status is null ? [Columns.Value(before), Columns.Value(limit)] : [Columns.Value(before), Columns.Value(limit), Columns.Value(status)],
        Read, cancellationToken);

    /// <summary>One notification; null if there is none with this number.</summary>
    public async Task<NotificationResponse?> FindAsync(long id, CancellationToken cancellationToken) => (await database.QueryAsync(
        $"SELECT {RowColumns} FROM notifications WHERE id = $1", [Columns.Value(id)], Read, cancellationToken)).SingleOrDefault();

    /// <summary>Makes one that was given up pending again, or all that are dead. They are sent however old they are.</summary>
    /// <returns>Their number; one that is pending or was sent does not count.</returns>
    public Task<int> ReplayAsync(long? id, Func<int, AuditEntry> audit, CancellationToken cancellationToken) => AdminAudit.ExecuteAsync(
        database,
        id is { } only
            ? Columns.Statement(Replay + "id = $2 AND status IN ('DEAD', 'DISCARDED')", Columns.Value(time.GetUtcNow()), Columns.Value(only))
            : Columns.Statement(Replay + "status = 'DEAD'", Columns.Value(time.GetUtcNow())),
        audit, time.GetUtcNow(), cancellationToken);

    /// <summary>Gives one up that is pending or dead. False if it has ended otherwise, or does not exist.</summary>
    public async Task<bool> DiscardAsync(long id, AuditEntry audit, CancellationToken cancellationToken) => await AdminAudit.ExecuteAsync(
        database,
        Columns.Statement(
            """
            UPDATE notifications SET status = 'DISCARDED', ended_at = $2, last_error = coalesce(last_error, 'discarded by an administrator')
            WHERE id = $1 AND status IN ('PENDING', 'DEAD')
            """,
            Columns.Value(id), Columns.Value(time.GetUtcNow())),
        _ => audit, time.GetUtcNow(), cancellationToken) > 0;

    private static ContactResponse ReadContact(NpgsqlDataReader reader) => new(
        reader.GetInt64(0), reader.TextOrNull(1), reader.TextOrNull(2), reader.GetString(3), reader.GetFieldValue<string[]>(4),
        reader.GetFieldValue<DateTimeOffset>(5), reader.GetFieldValue<DateTimeOffset>(6));

    private static NotificationResponse Read(NpgsqlDataReader reader) => new(
        reader.GetInt64(0), reader.GetInt64(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5), reader.GetInt32(6),
        reader.GetFieldValue<DateTimeOffset>(7), reader.InstantOrNull(8), reader.InstantOrNull(9), reader.InstantOrNull(10), reader.TextOrNull(11));
}
