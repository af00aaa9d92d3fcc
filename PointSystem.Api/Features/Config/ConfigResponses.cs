namespace PointSystem.Api.Features.Config;

/// <summary>A value that can be changed at run time.</summary>
/// <param name="ConfigKey">The name of the value.</param>
/// <param name="ConfigValue">The current value, always as text.</param>
/// <param name="Description">What the value means.</param>
/// <param name="UpdatedAt">Time of the last change.</param>
/// <param name="UpdatedBy">The actor of the change.</param>
internal sealed record ConfigResponse(string ConfigKey, string ConfigValue, string? Description, DateTimeOffset UpdatedAt, string UpdatedBy);

/// <summary>All values. They fit on one page, so <paramref name="NextCursor"/> is null.</summary>
internal sealed record ConfigListResponse(IReadOnlyList<ConfigResponse> Items, string? NextCursor);

/// <summary>One change of a value.</summary>
/// <param name="ConfigKey">The name of the value.</param>
/// <param name="ConfigValue">The value after the change; the same as <paramref name="NewValue"/>.</param>
/// <param name="OldValue">The value before the change.</param>
/// <param name="NewValue">The value after the change.</param>
/// <param name="Description">The description after the change.</param>
/// <param name="UpdatedAt">Time of the change.</param>
/// <param name="UpdatedBy">The actor of the change.</param>
internal sealed record ConfigChangeResponse(
    string ConfigKey, string ConfigValue, string? OldValue, string NewValue, string? Description, DateTimeOffset UpdatedAt, string UpdatedBy);

/// <summary>A page of changes, newest first.</summary>
internal sealed record ConfigHistoryResponse(IReadOnlyList<ConfigChangeResponse> Items, string? NextCursor);

/// <summary>A new value.</summary>
/// <param name="ConfigValue">The value, as text or as a whole number.</param>
/// <param name="Description">What the value means, at most 500 characters. If it is omitted, the current description stays.</param>
internal sealed record UpdateConfigRequest(string ConfigValue, string? Description = null);
