using System.Text.Json.Serialization;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/accumulations/{pointKey}</summary>
internal static class GetAccumulation
{
    /// <summary>An accumulation, and the usages and transfers that drew from it.</summary>
    public sealed record Response : AccumulationResponse
    {
        public Response(AccumulationResponse lot, AccumulationTrace trace)
            : base(lot)
        {
            Usages = trace.Usages.Items;
            UsagesNextCursor = trace.Usages.NextCursor;
            Transfers = trace.Transfers;
        }

        /// <summary>The usages that drew from it, oldest first.</summary>
        [JsonPropertyOrder(1)]
        public IReadOnlyList<LotUsage> Usages { get; init; }

        /// <summary>The cursor of the next page of usages; null on the last page.</summary>
        [JsonPropertyOrder(2)]
        public string? UsagesNextCursor { get; init; }

        /// <summary>The first 100 transfers that drew from it.</summary>
        [JsonPropertyOrder(3)]
        public IReadOnlyList<LotTransfer> Transfers { get; init; }
    }

    public static async Task<IResult> HandleAsync(
        string pointKey, HttpContext http, RulesProvider rules, ReadSource source)
    {
        if (!InnerPages.TryRead(pointKey, PointKeyType.Accumulation, http, AccumulationTraceQuery.List, out var page, out var problem))
        {
            return problem;
        }

        var trace = await AccumulationTraceQuery.ReadAsync(source.Database, page.Key, page.After, page.Size, http.RequestAborted);
        if (trace is null)
        {
            return PointErrors.AccumulationNotFound(pointKey).ToProblem();
        }

        var today = (await rules.CurrentAsync(http.RequestAborted)).At.Today;
        return TypedResults.Ok(new Response(AccumulationResponse.From(trace.Lot, today), trace));
    }
}
