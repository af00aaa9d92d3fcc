using System.Data;
using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>
/// What administrators do. <see cref="AdminAudit.NameOf"/> is the name of each in the database, the API and the events: never rename one.
/// </summary>
internal enum AuditAction
{
    /// <summary>A value of the configuration was changed.</summary>
    ConfigChanged,

    /// <summary>Points were granted manually.</summary>
    ManualGrant,

    /// <summary>A member was reconciled, by itself, or corrected by a run over all members.</summary>
    MemberReconciled,

    /// <summary>A run over all members was started.</summary>
    ReconciliationStarted,

    /// <summary>A run over all members was completed.</summary>
    ReconciliationCompleted,

    /// <summary>A receiver of webhooks was created, changed, stopped, resumed or deleted.</summary>
    WebhookChanged,

    /// <summary>A receiver of webhooks got a new secret.</summary>
    WebhookSecretRotated,

    /// <summary>A test message was sent to a receiver of webhooks.</summary>
    WebhookTested,

    /// <summary>Events were to be delivered to a receiver of webhooks again.</summary>
    WebhookReplayed,

    /// <summary>Notices were to be sent after all.</summary>
    NotificationReplayed,

    /// <summary>A notice was given up.</summary>
    NotificationDiscarded,
}

/// <summary>Who acts, and from where: one for each request.</summary>
/// <param name="actor">Who acts, as in the ledger.</param>
/// <param name="address">The address at the other end of the connection; null for what a job does on behalf of the actor.</param>
/// <param name="forwardedFor">Whom that other end names as its client; null if it names nobody.</param>
/// <param name="traceId">The W3C trace id of the request.</param>
internal sealed class AuditOrigin(string actor, string? address = null, string? forwardedFor = null, string? traceId = null)
{
    public string Actor { get; } = actor;

    public string? Address { get; } = address;

    public string? ForwardedFor { get; } = forwardedFor;

    public string? TraceId { get; } = traceId;

    /// <summary>Whether an entry was made, or is not needed.</summary>
    public bool IsAccountedFor { get; private set; }

    /// <summary>An entry was made, or the action turned out to change nothing, so that none is needed.</summary>
    public void AccountFor() => IsAccountedFor = true;
}

/// <summary>A row of <c>admin_audit</c>: append-only; the database refuses other changes.</summary>
/// <param name="Origin">Who, and from where.</param>
/// <param name="Action">What was done.</param>
/// <param name="Target">To what: its sort and its name, such as <c>member:7</c>.</param>
/// <param name="Before">The target before, as a JSON object; null if there was nothing.</param>
/// <param name="After">The target after it, as a JSON object.</param>
internal sealed record AuditEntry(AuditOrigin Origin, AuditAction Action, string Target, string? Before, string? After);

/// <summary>Writes <c>admin_audit</c>, always in the transaction of the effect: an effect without its entry cannot be committed.</summary>
internal static class AdminAudit
{
    private const string Insert =
        """
        INSERT INTO admin_audit (occurred_at, actor, address, forwarded_for, trace_id, action, target, before, after)
        SELECT $1, n.actor, n.address, n.forwarded_for, n.trace_id, n.action, n.target, n.before::jsonb, n.after::jsonb
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY
            AS n (actor, address, forwarded_for, trace_id, action, target, before, after, number)
        ORDER BY n.number
        """;

    /// <summary>The names of all actions.</summary>
    public static IReadOnlyList<string> Actions { get; } = [.. Enum.GetValues<AuditAction>().Select(NameOf)];

    public static string NameOf(AuditAction action) => SnakeCase.From(action.ToString()).ToUpperInvariant();

    public static string TargetOfMember(long memberId) => FormattableString.Invariant($"member:{memberId}");

    public static string TargetOfConfig(string key) => $"config:{key}";

    public static string TargetOfWebhook(string name) => $"webhook:{name}";

    public static string TargetOfNotification(long id) => FormattableString.Invariant($"notification:{id}");

    /// <summary>All notices that could not be sent.</summary>
    public const string DeadNotifications = "notifications:DEAD";

    public static string TargetOfRun(long runId) => FormattableString.Invariant($"reconciliation-run:{runId}");

    /// <summary>The statement that inserts the entries.</summary>
    /// <param name="entries">At least one.</param>
    /// <param name="now">The real time.</param>
    public static NpgsqlBatchCommand Statement(IReadOnlyCollection<AuditEntry> entries, DateTimeOffset now)
    {
        foreach (var entry in entries)
        {
            entry.Origin.AccountFor();
        }

        return Columns.Statement(
            Insert,
            Columns.Value(now),
            Columns.Texts(entries, entry => entry.Origin.Actor),
            Columns.Texts(entries, entry => entry.Origin.Address),
            Columns.Texts(entries, entry => entry.Origin.ForwardedFor),
            Columns.Texts(entries, entry => entry.Origin.TraceId),
            Columns.Texts(entries, entry => NameOf(entry.Action)),
            Columns.Texts(entries, entry => entry.Target),
            Columns.Texts(entries, entry => entry.Before),
            Columns.Texts(entries, entry => entry.After));
    }

    /// <summary>Executes a statement together with its entry; without any affected row there is none.</summary>
    /// <param name="database">The pool.</param>
    /// <param name="statement">What the administrator does.</param>
    /// <param name="entry">The entry for a number of affected rows.</param>
    /// <param name="now">The real time.</param>
    /// <param name="cancellationToken">Cancels it; nothing is done then.</param>
    /// <returns>The number of affected rows.</returns>
    public static async Task<int> ExecuteAsync(
        NpgsqlDataSource database, NpgsqlBatchCommand statement, Func<int, AuditEntry> entry, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(statement);
        var affected = await batch.ExecuteNonQueryAsync(cancellationToken);
        if (affected > 0)
        {
            await WriteAsync(connection, entry(affected), now, cancellationToken);
            await transaction.CommitAsync(CancellationToken.None);
        }

        return affected;
    }

    /// <summary>Inserts an entry, in the transaction that the connection has open, if any.</summary>
    public static async Task WriteAsync(NpgsqlConnection connection, AuditEntry entry, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (connection.State != ConnectionState.Open)
        {
            // Lost since the statement before. Npgsql would call that a fault of its caller.
            throw new NpgsqlException("The connection was lost during the transaction.", new IOException());
        }

        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Statement([entry], now));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}
