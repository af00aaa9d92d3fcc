namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A page of a list.</summary>
/// <param name="Items">Its items; may be fewer than asked for although more follow.</param>
/// <param name="NextCursor">Where the next page starts; null when this is the last.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);
