using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>A receiver of events.</summary>
/// <param name="Id">Its number in the database.</param>
/// <param name="Name">Its name in the API.</param>
/// <param name="Url">Where events are sent.</param>
/// <param name="Description">What it is, for people.</param>
/// <param name="Types">The types of events that it wants; none means all.</param>
/// <param name="DisabledReason">Why nothing is sent; null while it is enabled.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="Next">The place in the feed of events up to which they are delivered, or wait for it.</param>
/// <param name="Secrets">What signs: the secret, and the one before it until that ends.</param>
internal sealed record WebhookEndpoint(
    long Id, string Name, string Url, string? Description, IReadOnlyList<string> Types, string? DisabledReason, DateTimeOffset CreatedAt, EventCursor Next,
    IReadOnlyList<string> Secrets)
{
    public bool IsEnabled => DisabledReason is null;

    public bool Wants(string type) => Types.Count == 0 || Types.Contains(type, StringComparer.Ordinal);
}

/// <summary>How far the delivery of one event has come.</summary>
internal enum DeliveryStatus
{
    /// <summary>It is being sent, waits for its next attempt, or for an earlier event of its member.</summary>
    Pending,

    /// <summary>The receiver has accepted it.</summary>
    Delivered,

    /// <summary>All attempts have failed.</summary>
    Dead,
}

/// <summary>The delivery of one event to one endpoint.</summary>
/// <param name="Cursor">The place of the event in the feed.</param>
/// <param name="EventId">The id of the event.</param>
/// <param name="EventType">The type of the event.</param>
/// <param name="Status">How far it has come.</param>
/// <param name="Attempts">Requests that were sent since it was created or replayed.</param>
/// <param name="CreatedAt">When the event was read.</param>
/// <param name="DueAt">When the next attempt is due; null if an earlier event of the member comes first, or if none will follow.</param>
/// <param name="AttemptedAt">When the last attempt ended.</param>
/// <param name="LastStatus">The status of the last answer; null if there was none.</param>
/// <param name="LastError">Why the last attempt failed.</param>
internal sealed record WebhookDelivery(
    EventCursor Cursor, string EventId, string EventType, DeliveryStatus Status, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? DueAt,
    DateTimeOffset? AttemptedAt, int? LastStatus, string? LastError);

/// <summary>What follows from an attempt.</summary>
/// <param name="Delivery">The delivery as it was before.</param>
/// <param name="Status">How far it has come.</param>
/// <param name="DueAt">When the next attempt is due, if it is still pending.</param>
/// <param name="Answer">What the receiver answered.</param>
internal sealed record WebhookResult(WebhookDelivery Delivery, DeliveryStatus Status, DateTimeOffset? DueAt, WebhookAnswer Answer)
{
    public EventCursor Cursor => Delivery.Cursor;
}

/// <summary>Endpoints and deliveries in the database.</summary>
/// <remarks>
/// Of the pending events of a member, the first has a due time and the others have none, until it has ended: that is what keeps their order. Every
/// statement that adds, ends or replays deliveries runs after one that locks the row of the endpoint, so that none sees half of another's work. Content
/// is not stored: the ledger has it.
/// </remarks>
internal sealed class WebhookStore(NpgsqlDataSource database, TimeProvider time, IOptions<WebhookOptions> options)
{
    private const string EndpointColumns =
        """
        id, name, url, description, types, disabled_reason, created_at, position, member_id, sequence, secret,
            CASE WHEN previous_secret_until > $1 THEN previous_secret END
        """;

    private const string Lock = "SELECT FROM webhook_endpoints WHERE id = $1 FOR UPDATE";

    private const string Create =
        """
        INSERT INTO webhook_endpoints (name, url, description, types, secret, created_at, position, member_id, sequence)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT count(*) FROM webhook_endpoints) < $10
        ON CONFLICT (name) DO NOTHING
        """;

    // The page ends where the endpoint goes on; if another replica has read it meanwhile, nothing is added.
    private const string Append =
        """
        WITH e AS (
            UPDATE webhook_endpoints SET position = $5, member_id = $6, sequence = $7
            WHERE id = $1 AND (position, member_id, sequence) = ($2, $3, $4) AND disabled_reason IS NULL
            RETURNING id
        )
        INSERT INTO webhook_deliveries (endpoint_id, position, member_id, sequence, event_id, event_type, created_at, due_at)
        SELECT e.id, n.position, n.member_id, n.sequence, n.event_id, n.event_type, $8, CASE
            WHEN n.is_first AND NOT EXISTS (
                SELECT FROM webhook_deliveries WHERE endpoint_id = $1 AND member_id = n.member_id AND status = 'PENDING') THEN $8 END
        FROM e, unnest($9, $10, $11, $12, $13, $14) AS n (position, member_id, sequence, event_id, event_type, is_first)
        """;

    private const string End =
        """
        UPDATE webhook_deliveries AS d
        SET status = n.status, due_at = CASE WHEN n.status = 'PENDING' THEN n.due_at END, attempts = d.attempts + 1, attempted_at = $2,
            last_status = nullif(n.last_status, 0), last_error = n.last_error, ended_at = CASE WHEN n.status <> 'PENDING' THEN $2 END
        FROM unnest($3, $4, $5, $6, $7, $8, $9) AS n (position, member_id, sequence, status, due_at, last_status, last_error)
        WHERE d.endpoint_id = $1 AND d.position = n.position AND d.member_id = n.member_id AND d.sequence = n.sequence AND d.status = 'PENDING'
        """;

    /// <summary>Makes the first pending event of each of the members due.</summary>
    private const string Release =
        """
        UPDATE webhook_deliveries AS d SET due_at = $2
        FROM (SELECT DISTINCT member_id FROM unnest($3) AS u (member_id)) AS m CROSS JOIN LATERAL (
            SELECT position, sequence FROM webhook_deliveries
            WHERE endpoint_id = $1 AND member_id = m.member_id AND status = 'PENDING' ORDER BY position, sequence LIMIT 1
        ) AS f
        WHERE d.endpoint_id = $1 AND d.member_id = m.member_id AND d.position = f.position AND d.sequence = f.sequence AND d.due_at IS NULL
        """;

    private const string DeliveryColumns =
        "position, member_id, sequence, event_id, event_type, status, attempts, created_at, due_at, attempted_at, last_status, last_error";

    /// <summary>A new secret: 256 random bits, as the specification writes them.</summary>
    public static string NewSecret() => $"whsec_{Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))}";

    /// <summary>Creates an endpoint with one secret. False if there are too many, or if there is one with this name.</summary>
    public Task<bool> TryCreateAsync(WebhookEndpoint endpoint, AuditEntry audit, CancellationToken cancellationToken) => ChangeAsync(
        Create,
        [
            Columns.Value(endpoint.Name), Columns.Value(endpoint.Url), Columns.Value(endpoint.Description), Columns.Texts(endpoint.Types, type => type),
            Columns.Value(endpoint.Secrets.Single()), Columns.Value(endpoint.CreatedAt), Columns.Value(endpoint.Next.Position),
            Columns.Value(endpoint.Next.MemberId), Columns.Value(endpoint.Next.Sequence), Columns.Value(options.Value.EndpointsMax),
        ],
        audit,
        cancellationToken);

    /// <summary>Changes an endpoint. False if there is none with this number.</summary>
    public Task<bool> ChangeAsync(
        long id, string url, string? description, IReadOnlyList<string> types, AuditEntry audit, CancellationToken cancellationToken) => ChangeAsync(
            "UPDATE webhook_endpoints SET url = $2, description = $3, types = $4 WHERE id = $1",
            [Columns.Value(id), Columns.Value(url), Columns.Value(description), Columns.Texts(types, type => type)], audit, cancellationToken);

    /// <summary>All endpoints, in the order of their names.</summary>
    public Task<List<WebhookEndpoint>> ListAsync(CancellationToken cancellationToken) => database.QueryAsync(
        $"SELECT {EndpointColumns} FROM webhook_endpoints ORDER BY name", [Columns.Value(time.GetUtcNow())], ReadEndpoint, cancellationToken);

    /// <summary>One endpoint; null if there is none with this number.</summary>
    public Task<WebhookEndpoint?> FindAsync(long id, CancellationToken cancellationToken) => FindAsync("id", Columns.Value(id), cancellationToken);

    /// <summary>One endpoint; null if there is none with this name.</summary>
    public Task<WebhookEndpoint?> FindAsync(string name, CancellationToken cancellationToken) => FindAsync("name", Columns.Value(name), cancellationToken);

    /// <summary>Stops or resumes deliveries; null as the reason resumes them. False if there is no such endpoint, or nothing changed.</summary>
    public Task<bool> SetDisabledAsync(long id, string? reason, AuditEntry audit, CancellationToken cancellationToken) => ChangeAsync(
        "UPDATE webhook_endpoints SET disabled_reason = $2 WHERE id = $1 AND (disabled_reason IS NULL) <> ($2::text IS NULL)",
        [Columns.Value(id), Columns.Value(reason)], audit, cancellationToken);

    /// <summary>
    /// Replaces the secret; the one before it signs too until a moment. If it was replaced shortly before, the oldest that still signs stays: a
    /// rotation whose answer was lost can be repeated. False if there is no such endpoint.
    /// </summary>
    public Task<bool> RotateAsync(long id, string secret, DateTimeOffset previousUntil, AuditEntry audit, CancellationToken cancellationToken) => ChangeAsync(
        """
        UPDATE webhook_endpoints
        SET previous_secret = CASE WHEN previous_secret_until > $4 THEN previous_secret ELSE secret END, previous_secret_until = $3, secret = $2
        WHERE id = $1
        """,
        [Columns.Value(id), Columns.Value(secret), Columns.Value(previousUntil), Columns.Value(time.GetUtcNow())], audit, cancellationToken);

    /// <summary>Deletes an endpoint and its log. False if there is no such endpoint.</summary>
    public Task<bool> DeleteAsync(long id, AuditEntry audit, CancellationToken cancellationToken) =>
        ChangeAsync("DELETE FROM webhook_endpoints WHERE id = $1", [Columns.Value(id)], audit, cancellationToken);

    /// <summary>Makes deliveries pending again: one, or all dead letters.</summary>
    /// <returns>Their number: one that is pending already does not count.</returns>
    public async Task<int> ReplayAsync(long id, EventCursor? only, Func<int, AuditEntry> audit, CancellationToken cancellationToken)
    {
        var which = only is null ? "status = 'DEAD'" : "status <> 'PENDING' AND position = $2 AND member_id = $3 AND sequence = $4";
        var replay =
            $"""
            UPDATE webhook_deliveries SET status = 'PENDING', attempts = 0, due_at = NULL, ended_at = NULL WHERE endpoint_id = $1 AND {which}
            RETURNING member_id
            """;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var members = new List<long>();
        await using (var batch = connection.CreateBatch())
        {
            batch.BatchCommands.Add(Columns.Statement(Lock, Columns.Value(id)));
            batch.BatchCommands.Add(only is { } one
                ? Columns.Statement(replay, Columns.Value(id), Columns.Value(one.Position), Columns.Value(one.MemberId), Columns.Value(one.Sequence))
                : Columns.Statement(replay, Columns.Value(id)));
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                members.Add(reader.GetInt64(0));
            }
        }

        if (members.Count > 0)
        {
            await using var release = connection.CreateBatch();
            release.BatchCommands.Add(ReleaseOf(id, time.GetUtcNow(), members));
            await release.ExecuteNonQueryAsync(cancellationToken);
            await AdminAudit.WriteAsync(connection, audit(members.Count), time.GetUtcNow(), cancellationToken);
            await transaction.CommitAsync(CancellationToken.None);
        }

        return members.Count;
    }

    /// <summary>Writes an entry of the audit for what has no effect in the database.</summary>
    public async Task WriteAuditAsync(AuditEntry audit, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await AdminAudit.WriteAsync(connection, audit, time.GetUtcNow(), cancellationToken);
    }

    /// <summary>A page of the log, newest events first.</summary>
    public Task<List<WebhookDelivery>> ListDeliveriesAsync(
        long id, DeliveryStatus? status, EventCursor? before, int limit, CancellationToken cancellationToken)
    {
        var filter = status is { } only ? $"AND status = '{NameOf(only)}'" : "";
        var last = before ?? new EventCursor(long.MaxValue, long.MaxValue, long.MaxValue);
        return database.QueryAsync(
            $"""
            SELECT {DeliveryColumns} FROM webhook_deliveries
            WHERE endpoint_id = $1 AND (position, member_id, sequence) < ($2, $3, $4) {filter}
            ORDER BY position DESC, member_id DESC, sequence DESC LIMIT $5
            """,
            [Columns.Value(id), Columns.Value(last.Position), Columns.Value(last.MemberId), Columns.Value(last.Sequence), Columns.Value(limit)],
            ReadDelivery, cancellationToken);
    }

    /// <summary>Whether the log has a delivery.</summary>
    public async Task<WebhookDelivery?> FindDeliveryAsync(long id, EventCursor cursor, CancellationToken cancellationToken) => (await database.QueryAsync(
        $"SELECT {DeliveryColumns} FROM webhook_deliveries WHERE endpoint_id = $1 AND position = $2 AND member_id = $3 AND sequence = $4",
        [Columns.Value(id), Columns.Value(cursor.Position), Columns.Value(cursor.MemberId), Columns.Value(cursor.Sequence)],
        ReadDelivery, cancellationToken)).SingleOrDefault();

    /// <summary>The number of pending deliveries of an endpoint.</summary>
    public async Task<int> CountPendingAsync(long id, CancellationToken cancellationToken) => (await database.QueryAsync(
        "SELECT count(*)::int FROM webhook_deliveries WHERE endpoint_id = $1 AND status = 'PENDING'",
        [Columns.Value(id)], reader => reader.GetInt32(0), cancellationToken)).Single();

    /// <summary>Deliveries whose attempt is due, the longest due first.</summary>
    public Task<List<WebhookDelivery>> DueAsync(long id, int limit, CancellationToken cancellationToken) => database.QueryAsync(
        $"SELECT {DeliveryColumns} FROM webhook_deliveries WHERE endpoint_id = $1 AND due_at <= $2 ORDER BY due_at, position, member_id, sequence LIMIT $3",
        [Columns.Value(id), Columns.Value(time.GetUtcNow()), Columns.Value(limit)], ReadDelivery, cancellationToken);

    /// <summary>Adds the deliveries of a page, and moves the endpoint to its end. No effect if the endpoint is elsewhere by now.</summary>
    public async Task AppendAsync(WebhookEndpoint endpoint, EventPage page, CancellationToken cancellationToken)
    {
        var wanted = page.Events.Where(one => endpoint.Wants(one.Event.Type)).ToList();
        var members = new HashSet<long>();
        var rows = wanted.ConvertAll(one => (one.Cursor, one.Event.Id, one.Event.Type, IsFirst: members.Add(one.Cursor.MemberId)));
        await ExecuteAsync(
            endpoint.Id,
            [
                Columns.Statement(
                    Append, Columns.Value(endpoint.Id),
                    Columns.Value(endpoint.Next.Position), Columns.Value(endpoint.Next.MemberId), Columns.Value(endpoint.Next.Sequence),
                    Columns.Value(page.Next.Position), Columns.Value(page.Next.MemberId), Columns.Value(page.Next.Sequence), Columns.Value(time.GetUtcNow()),
                    Columns.Longs(rows, row => row.Cursor.Position), Columns.Longs(rows, row => row.Cursor.MemberId),
                    Columns.Longs(rows, row => row.Cursor.Sequence), Columns.Texts(rows, row => row.Id), Columns.Texts(rows, row => row.Type),
                    Columns.Flags(rows, row => row.IsFirst)),
            ],
            cancellationToken);
    }

    /// <summary>Stores what came of attempts, and makes the next events of the members due.</summary>
    /// <param name="id">The endpoint.</param>
    /// <param name="results">At least one.</param>
    /// <param name="disabledReason">If not null, the endpoint gets nothing more.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public Task EndAsync(long id, IReadOnlyCollection<WebhookResult> results, string? disabledReason, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var statements = new List<NpgsqlBatchCommand>
        {
            Columns.Statement(
                End, Columns.Value(id), Columns.Value(now), Columns.Longs(results, one => one.Cursor.Position), Columns.Longs(results, one => one.Cursor.MemberId),
                Columns.Longs(results, one => one.Cursor.Sequence), Columns.Texts(results, one => NameOf(one.Status)),
                Columns.Instants(results, one => one.DueAt ?? now), Columns.Ints(results, one => one.Answer.Status ?? 0),
                Columns.Texts(results, one => one.Answer.Error)),
            ReleaseOf(id, now, [.. results.Where(one => one.Status != DeliveryStatus.Pending).Select(one => one.Cursor.MemberId)]),
        };
        if (disabledReason is not null)
        {
            statements.Add(Columns.Statement(
                "UPDATE webhook_endpoints SET disabled_reason = $2 WHERE id = $1 AND disabled_reason IS NULL", Columns.Value(id), Columns.Value(disabledReason)));
        }

        return ExecuteAsync(id, statements, cancellationToken);
    }

    /// <summary>Deletes old deliveries, some at a time. False if none were left.</summary>
    public async Task<bool> CleanUpAsync(long id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(
            """
            DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM webhook_deliveries WHERE endpoint_id = $1 AND ended_at < $2 ORDER BY ended_at LIMIT 1000))
            """,
            Columns.Value(id), Columns.Value(time.GetUtcNow() - options.Value.Retention)));
        return await batch.ExecuteNonQueryAsync(cancellationToken) > 0;
    }

    public static string NameOf(DeliveryStatus status) => status.ToString().ToUpperInvariant();

    private static NpgsqlBatchCommand ReleaseOf(long id, DateTimeOffset now, IReadOnlyCollection<long> members) =>
        Columns.Statement(Release, Columns.Value(id), Columns.Value(now), Columns.Longs(members, member => member));

    /// <summary>Runs the statements in one transaction, after locking the row of the endpoint.</summary>
    private async Task ExecuteAsync(long id, IEnumerable<NpgsqlBatchCommand> statements, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);

        // A batch is one transaction, and each of its statements sees what was committed before it.
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(Lock, Columns.Value(id)));
        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<bool> ChangeAsync(string sql, NpgsqlParameter[] parameters, AuditEntry audit, CancellationToken cancellationToken) =>
        await AdminAudit.ExecuteAsync(database, Columns.Statement(sql, parameters), _ => audit, time.GetUtcNow(), cancellationToken) > 0;

    private async Task<WebhookEndpoint?> FindAsync(string column, NpgsqlParameter value, CancellationToken cancellationToken) => (await database.QueryAsync(
        $"SELECT {EndpointColumns} FROM webhook_endpoints WHERE {column} = $2", [Columns.Value(time.GetUtcNow()), value], ReadEndpoint, cancellationToken))
        .SingleOrDefault();

    private static WebhookEndpoint ReadEndpoint(NpgsqlDataReader reader) => new(
        reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.TextOrNull(3), reader.GetFieldValue<string[]>(4), reader.TextOrNull(5),
        reader.GetFieldValue<DateTimeOffset>(6), EventCursor.Read(reader, 7),
        reader.TextOrNull(11) is { } previous ? [reader.GetString(10), previous] : [reader.GetString(10)]);

    private static WebhookDelivery ReadDelivery(NpgsqlDataReader reader) => new(
        EventCursor.Read(reader, 0), reader.GetString(3), reader.GetString(4), Enum.Parse<DeliveryStatus>(reader.GetString(5), ignoreCase: true), reader.GetInt32(6),
        reader.GetFieldValue<DateTimeOffset>(7), reader.InstantOrNull(8), reader.InstantOrNull(9), reader.IsDBNull(10) ? null : reader.GetInt32(10),
        reader.TextOrNull(11));
}
