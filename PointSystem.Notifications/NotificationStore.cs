using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using PointSystem.Notifications.Feed;

namespace PointSystem.Notifications;

/// <summary>A notification that an attempt is made for, with the contact of its member as it is now.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Source">The source of its event.</param>
/// <param name="EventId">The id of its event.</param>
/// <param name="EventType">The type of its event.</param>
/// <param name="Channel">Its channel.</param>
/// <param name="MemberId">Whom it is for.</param>
/// <param name="OccurredAt">When it happened.</param>
/// <param name="NotAfter">When it is too old.</param>
/// <param name="Data">The data of the event, without details.</param>
/// <param name="Attempts">Attempts, this one included.</param>
/// <param name="Contact">How the member is reached; null if there is no contact any more.</param>
internal sealed record Notification(
    long Id, string Source, string EventId, string EventType, string Channel, long MemberId, DateTimeOffset OccurredAt, DateTimeOffset NotAfter,
    JsonElement Data, int Attempts, Contact? Contact);

/// <summary>How a member is reached.</summary>
internal sealed record Contact(string? Email, string? PushToken, string Language, IReadOnlyList<string> OptOuts)
{
    /// <summary>Where something is sent; null if the member gave no address, or opted out.</summary>
    public string? AddressFor(string channel, string eventType) =>
        OptOuts.Contains(channel, StringComparer.Ordinal) || OptOuts.Contains(EventKinds.KindOf(eventType), StringComparer.Ordinal) ? null
        : channel == Channels.Email ? Email
        : PushToken;
}

/// <summary>Notifications in the database.</summary>
/// <remarks>
/// An event makes one row for each channel at most, in the statement that moves the cursor: read twice, by one process or by several, it makes none twice. A
/// process takes due rows by moving their due time one lease ahead; if it dies, they are due again then.
/// </remarks>
internal sealed class NotificationStore(NpgsqlDataSource database, TimeProvider time, IOptions<NotificationOptions> options)
{
    private const string Append =
        """
        WITH moved AS (
            INSERT INTO notification_cursor AS c (cursor, updated_at) VALUES ($2, $3)
            ON CONFLICT (is_only) DO UPDATE SET cursor = $2, updated_at = $3 WHERE c.cursor = $1
            RETURNING is_only
        ), made AS (
            INSERT INTO notifications (source, event_id, channel, member_id, event_type, occurred_at, data, created_at, due_at, not_after)
            SELECT e.source, e.event_id, ch.name, e.member_id, e.event_type, e.occurred_at, e.data::jsonb, $3, $3, e.not_after
            FROM moved
            CROSS JOIN unnest($4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::text[], $10::timestamptz[], $11::text[])
                WITH ORDINALITY AS e (source, event_id, member_id, event_type, occurred_at, data, not_after, kind, number)
            JOIN notification_contacts AS c ON c.member_id = e.member_id
            CROSS JOIN unnest($12::text[]) AS ch (name)
            WHERE CASE ch.name WHEN 'EMAIL' THEN c.email ELSE c.push_token END IS NOT NULL AND NOT c.opt_outs && ARRAY[ch.name, e.kind]
                AND NOT EXISTS (
                    SELECT FROM sent_notifications AS s WHERE s.source = e.source AND s.event_id = e.event_id AND s.channel = ch.name)
            ORDER BY e.number
            ON CONFLICT (source, event_id, channel) DO NOTHING
        )
        SELECT EXISTS (SELECT FROM moved)
        """;

    private const string Take =
        """
        WITH due AS (
            UPDATE notifications SET attempts = attempts + 1, due_at = $1
            WHERE id = ANY (ARRAY(
                SELECT id FROM notifications WHERE status = 'PENDING' AND due_at <= $2 AND channel = $3 ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED))
            RETURNING *
        )
        SELECT due.id, source, event_id, event_type, channel, due.member_id, occurred_at, not_after, data, attempts,
            c.member_id IS NOT NULL, c.email, c.push_token, c.language, c.opt_outs
        FROM due LEFT JOIN notification_contacts AS c ON c.member_id = due.member_id ORDER BY due.id
        """;

    private const string KeepSent =
        """
        INSERT INTO sent_notifications (member_id, source, event_id, event_type, channel, address, subject, answer, sent_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (source, event_id, channel) DO NOTHING
        """;

    private const string End =
        """
        UPDATE notifications SET status = $2, attempted_at = $3, last_error = $4, due_at = coalesce($5, due_at), ended_at = CASE WHEN $2 <> 'PENDING' THEN $3 END
        WHERE id = $1 AND status = 'PENDING'
        """;

    // The length of the columns for subject and answer.
    private const int TextMax = 500;

    /// <summary>The place in the feed up to which notifications were made; null at first.</summary>
    public async Task<string?> FindCursorAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT cursor FROM notification_cursor");
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }

    /// <summary>Makes the notifications of some events, and moves the cursor.</summary>
    /// <param name="from">Where the cursor was when the events were read.</param>
    /// <param name="to">Where they end.</param>
    /// <param name="events">Events about which members are told.</param>
    /// <param name="channels">The channels in use.</param>
    /// <param name="cancellationToken">Cancels it; nothing is done then.</param>
    /// <returns>False if the cursor is elsewhere by now: another process has read the events.</returns>
    public async Task<bool> AppendAsync(
        string? from, string to, IReadOnlyList<MemberEvent> events, IReadOnlyList<string> channels, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Append);
        var parameters = command.Parameters;
        parameters.Add(new NpgsqlParameter { Value = (object?)from ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        parameters.Add(new NpgsqlParameter<string> { TypedValue = to });
        parameters.Add(Instant(time.GetUtcNow()));
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. events.Select(one => one.Source)] });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. events.Select(one => one.Id)] });
        parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. events.Select(one => one.MemberId)] });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. events.Select(one => one.Type)] });
        parameters.Add(new NpgsqlParameter<DateTime[]> { TypedValue = [.. events.Select(one => one.Time.UtcDateTime)] });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. events.Select(one => one.Data)] });
        parameters.Add(new NpgsqlParameter<DateTime[]> { TypedValue = [.. events.Select(one => (one.Time + options.Value.MaxAge).UtcDateTime)] });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. events.Select(one => EventKinds.KindOf(one.Type))] });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. channels] });
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>Takes notifications whose attempt is due, the longest due first.</summary>
    public async Task<List<Notification>> TakeAsync(string channel, int limit, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var command = database.CreateCommand(Take);
        command.Parameters.Add(Instant(now + options.Value.Lease));
        command.Parameters.Add(Instant(now));
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = channel });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var taken = new List<Notification>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var contact = reader.GetBoolean(10)
                ? new Contact(TextOrNull(reader, 11), TextOrNull(reader, 12), reader.GetString(13), reader.GetFieldValue<string[]>(14))
                : null;
            taken.Add(new Notification(
                reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetInt64(5),
                reader.GetFieldValue<DateTimeOffset>(6), reader.GetFieldValue<DateTimeOffset>(7), JsonElement.Parse(reader.GetString(8)),
                reader.GetInt32(9), contact));
        }

        return taken;
    }

    /// <summary>Makes notifications due again that were taken and not tried.</summary>
    public async Task GiveBackAsync(IEnumerable<Notification> taken, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "UPDATE notifications SET attempts = attempts - 1, due_at = $1 WHERE id = ANY ($2) AND status = 'PENDING'");
        command.Parameters.Add(Instant(time.GetUtcNow()));
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. taken.Select(one => one.Id)] });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Keeps for ever that a notification was sent.</summary>
    /// <param name="notification">The notification.</param>
    /// <param name="address">Where it was sent, with most of it hidden.</param>
    /// <param name="subject">Its subject.</param>
    /// <param name="answer">What the receiver answered.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public async Task EndSentAsync(Notification notification, string address, string subject, string answer, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);

        // A batch is one transaction.
        await using var batch = new NpgsqlBatch(connection);
        var kept = new NpgsqlBatchCommand(KeepSent);
        kept.Parameters.Add(new NpgsqlParameter<long> { TypedValue = notification.MemberId });
        foreach (var text in (string[])
            [notification.Source, notification.EventId, notification.EventType, notification.Channel, address, Cut(subject), Cut(answer)])
        {
            kept.Parameters.Add(new NpgsqlParameter<string> { TypedValue = text });
        }

        kept.Parameters.Add(Instant(now));
        batch.BatchCommands.Add(kept);
        batch.BatchCommands.Add(EndOf(notification, "SENT", now, null, null));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Keeps why a notification was not sent; with a due time it is tried again.</summary>
    public async Task EndFailedAsync(Notification notification, string status, string error, DateTimeOffset? dueAt, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(EndOf(notification, status, time.GetUtcNow(), error, dueAt));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Has everything that is due wait for a moment.</summary>
    public async Task DelayAsync(string channel, DateTimeOffset until, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("UPDATE notifications SET due_at = $1 WHERE status = 'PENDING' AND due_at <= $2 AND channel = $3");
        command.Parameters.Add(Instant(until));
        command.Parameters.Add(Instant(time.GetUtcNow()));
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = channel });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>For how long the notification that has been due for longest has waited; zero or less if none is due.</summary>
    public async Task<TimeSpan> OverdueAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT min(due_at) FROM notifications WHERE status = 'PENDING'");
        return await command.ExecuteScalarAsync(cancellationToken) is DateTime oldest ? time.GetUtcNow() - oldest : TimeSpan.Zero;
    }

    /// <summary>Deletes old notifications that have ended, some at a time. False if none were left.</summary>
    public async Task<bool> CleanUpAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "DELETE FROM notifications WHERE ctid = ANY (ARRAY(SELECT ctid FROM notifications WHERE ended_at < $1 ORDER BY ended_at LIMIT 1000))");
        command.Parameters.Add(Instant(time.GetUtcNow() - options.Value.Retention));
        return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    private static NpgsqlBatchCommand EndOf(Notification notification, string status, DateTimeOffset now, string? error, DateTimeOffset? dueAt)
    {
        var end = new NpgsqlBatchCommand(End);
        end.Parameters.Add(new NpgsqlParameter<long> { TypedValue = notification.Id });
        end.Parameters.Add(new NpgsqlParameter<string> { TypedValue = status });
        end.Parameters.Add(Instant(now));
        end.Parameters.Add(new NpgsqlParameter { Value = (object?)error ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        end.Parameters.Add(new NpgsqlParameter { Value = dueAt is { } due ? due.UtcDateTime : DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        return end;
    }

    private static NpgsqlParameter<DateTime> Instant(DateTimeOffset value) => new() { TypedValue = value.UtcDateTime };

    private static string? TextOrNull(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static string Cut(string text) => text.Length <= TextMax ? text : text[..(char.IsHighSurrogate(text[TextMax - 1]) ? TextMax - 1 : TextMax)];
}
