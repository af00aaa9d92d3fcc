namespace PointSystem.Api.Features.Config;

/// <summary>A value that can be changed at run time.</summary>
/// <param name="ConfigKey">Its name.</param>
/// <param name="ConfigValue">The value in force, always as text.</param>
/// <param name="Description">What it means.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
/// <param name="UpdatedBy">Who changed it.</param>
internal sealed record ConfigResponse(string ConfigKey, string ConfigValue, string? Description, DateTimeOffset UpdatedAt, string UpdatedBy);

/// <summary>All values; they fit on one page, so <paramref name="NextCursor"/> is null.</summary>
internal sealed record ConfigListResponse(IReadOnlyList<ConfigResponse> Items, string? NextCursor);

/// <summary>One change of a value.</summary>
/// <param name="ConfigKey">Its name.</param>
/// <param name="ConfigValue">The value after the change; the same as <paramref name="NewValue"/>.</param>
/// <param name="OldValue">The value before.</param>
/// <param name="NewValue">The value after.</param>
/// <param name="Description">The description after the change.</param>
/// <param name="UpdatedAt">When it was changed.</param>
/// <param name="UpdatedBy">Who changed it.</param>
internal sealed record ConfigChangeResponse(
    string ConfigKey, string ConfigValue, string? OldValue, string NewValue, string? Description, DateTimeOffset UpdatedAt, string UpdatedBy);

/// <summary>A page of changes, the newest first.</summary>
internal sealed record ConfigHistoryResponse(IReadOnlyList<ConfigChangeResponse> Items, string? NextCursor);

/// <summary>A new value.</summary>
/// <param name="ConfigValue">The value, as text or as a whole number.</param>
/// <param name="Description">What it means; the present description stays when it is left out. At most 500 characters.</param>
internal sealed record UpdateConfigRequest(string ConfigValue, string? Description = null);
