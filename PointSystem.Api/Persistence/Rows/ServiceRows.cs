namespace PointSystem.Api.Persistence.Rows;

/// <summary>A row of <c>idempotency_answers</c>: the first answer to a request, stored for 24 hours.</summary>
internal sealed class IdempotencyAnswerRow
{
    public required string Key { get; init; }

    /// <summary>Who sent the key.</summary>
    public required string Caller { get; init; }

    public long MemberId { get; init; }

    /// <summary>SHA-256 of operation and arguments.</summary>
    public required byte[] RequestHash { get; init; }

    public short Status { get; init; }

    public required byte[] Answer { get; init; }

    /// <summary>Real time, never the shifted business clock.</summary>
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>
/// A row of <c>idempotency_keys</c>: the same without the caller, as earlier versions store it. This version reads the table, and does not write to it.
/// </summary>
internal sealed class IdempotencyKeyRow
{
    public required string Key { get; init; }

    public long MemberId { get; init; }

    /// <summary>SHA-256 of operation and arguments.</summary>
    public required byte[] RequestHash { get; init; }

    public short Status { get; init; }

    public required byte[] Answer { get; init; }

    /// <summary>Real time, never the shifted business clock.</summary>
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A row of <c>point_configs</c>.</summary>
internal sealed class ConfigRow
{
    /// <summary>The actor of the values of a new installation.</summary>
    public const string InstalledBy = "system";

    /// <summary>The time of the values of a new installation.</summary>
    public static readonly DateTimeOffset InstalledAt = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public required string ConfigKey { get; init; }

    public required string ConfigValue { get; set; }

    public string? Description { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }

    public required string UpdatedBy { get; set; }
}

/// <summary>A row of <c>point_config_history</c>.</summary>
internal sealed class ConfigHistoryRow
{
    public long Id { get; init; }

    public required string ConfigKey { get; init; }

    public string? OldValue { get; init; }

    public required string NewValue { get; init; }

    public string? Description { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public required string UpdatedBy { get; init; }

    /// <summary>Place in the order of events. Set by the database.</summary>
    public long Position { get; private set; }
}
