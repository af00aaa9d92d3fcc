using System.Text.Json.Serialization;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/use/{pointKey}</summary>
internal static class GetUsage
{
    /// <summary>A usage and its cancellations.</summary>
    public sealed record Response : UsageResponse
    {
        public Response(UsageResponse usage, Page<CancellationResponse> cancellations)
            : base(usage)
        {
            Cancellations = cancellations.Items;
            CancellationsNextCursor = cancellations.NextCursor;
        }

        /// <summary>The cancellations of the usage, oldest first.</summary>
        [JsonPropertyOrder(1)]
        public IReadOnlyList<CancellationResponse> Cancellations { get; init; }

        /// <summary>The cursor of the next page of cancellations; null on the last page.</summary>
        [JsonPropertyOrder(2)]
        public string? CancellationsNextCursor { get; init; }
    }

    public static async Task<IResult> HandleAsync(string pointKey, HttpContext http, ReadSource source)
    {
        if (!InnerPages.TryRead(pointKey, PointKeyType.Usage, http, UsageTraceQuery.List, out var page, out var problem))
        {
            return problem;
        }

        var trace = await UsageTraceQuery.ReadAsync(source.Database, page.Key, page.After, page.Size, http.RequestAborted);
        return trace is null
            ? PointErrors.UsageNotFound(pointKey).ToProblem()
            : TypedResults.Ok(new Response(UsageResponse.From(trace.Usage, trace.Details), trace.Cancellations));
    }

    // GET /api/points/use/{pointKey}/details
    public static async Task<IResult> HandleDetailsAsync(
        string pointKey, HttpContext http, ReadSource source)
    {
        if (!InnerPages.TryRead(pointKey, PointKeyType.Usage, http, InnerLists.DetailsOf, out var page, out var problem))
        {
            return problem;
        }

        return await UsageTraceQuery.ReadDetailsAsync(source.Database, page.Key, page.After, page.Size, http.RequestAborted) is { } details
            ? TypedResults.Ok(details)
            : PointErrors.UsageNotFound(pointKey).ToProblem();
    }
}
