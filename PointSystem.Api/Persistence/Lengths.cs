namespace PointSystem.Api.Persistence;

/// <summary>
/// Maximum lengths of stored texts, in characters: of their columns, and therefore of request fields. The domain defines that of an order
/// number.
/// </summary>
internal static class Lengths
{
    public const int Kind = 20;

    /// <summary>The length of the columns; a key itself is a little shorter (<see cref="Domain.Points.PointKey.LengthMax"/>).</summary>
    public const int PointKey = 40;

    /// <summary>The actor of a request.</summary>
    public const int Actor = 200;

    public const int Reason = 500;

    public const int IdempotencyKey = 200;

    /// <summary>The caller of an idempotency key: 128 bits in base64url, or a word.</summary>
    public const int Caller = 22;

    public const int ConfigKey = 100;

    public const int ConfigValue = 200;

    public const int ConfigDescription = 500;

    /// <summary>What an administrator acted on.</summary>
    public const int AuditTarget = 200;

    /// <summary>The address of a receiver of webhooks.</summary>
    public const int WebhookUrl = 2000;

    public const int WebhookDescription = 500;

    /// <summary>An e-mail address (RFC 5321: a path of 256 characters with its brackets).</summary>
    public const int Email = 254;

    /// <summary>What the push service calls a member's device.</summary>
    public const int PushToken = 500;

    /// <summary>The header X-Forwarded-For, as the audit keeps it.</summary>
    public const int ForwardedFor = 200;
}
