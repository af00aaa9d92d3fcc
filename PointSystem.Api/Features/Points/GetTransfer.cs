using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/transfers/{pointKey}</summary>
internal static class GetTransfer
{
    public static async Task<IResult> HandleAsync(
        string pointKey, HttpContext http, ReadSource source)
    {
        if (!InnerPages.TryRead(pointKey, PointKeyType.Transfer, http, InnerLists.PartsOf, out var page, out var problem))
        {
            return problem;
        }

        return await TransferQuery.ReadAsync(source.Database, page.Key, page.After, page.Size, http.RequestAborted) is { } transfer
            ? TypedResults.Ok(transfer)
            : Problems.NotFound($"There is no transfer with the key '{pointKey}'.");
    }
}
