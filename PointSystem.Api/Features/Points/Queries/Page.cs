namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A page of a list.</summary>
/// <param name="Items">The items; may be fewer than requested although more follow.</param>
/// <param name="NextCursor">The cursor of the next page; null on the last page.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);
