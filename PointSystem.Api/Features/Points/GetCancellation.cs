using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/cancellations/{pointKey}</summary>
internal static class GetCancellation
{
    public static async Task<IResult> HandleAsync(
        string pointKey, HttpContext http, ReadSource source)
    {
        if (!InnerPages.TryRead(pointKey, PointKeyType.Cancellation, http, InnerLists.PartsOf, out var page, out var problem))
        {
            return problem;
        }

        return await CancellationQuery.ReadAsync(source.Database, page.Key, page.After, page.Size, http.RequestAborted) is { } cancellation
            ? TypedResults.Ok(cancellation)
            : Problems.NotFound($"There is no cancellation with the key '{pointKey}'.");
    }
}
