using Microsoft.Extensions.Options;
using PointSystem.Api.Caching;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/balance/{memberId}</summary>
internal static class GetBalance
{
    /// <summary>The balance of a member.</summary>
    /// <param name="MemberId">The member. An unknown member has balance 0.</param>
    /// <param name="Balance">Points that can be used at that moment.</param>
    /// <param name="ManualBalance">The part of the balance in manual grants.</param>
    /// <param name="AsOf">The moment of the balance.</param>
    /// <param name="Version">The member's version at that moment: the sequence of its last ledger entry, 0 if there is none.</param>
    /// <param name="Accumulations">The accumulations that make up the balance, in draw order.</param>
    public sealed record Response(
        long MemberId, long Balance, long ManualBalance, DateTimeOffset AsOf, long Version, Page<AccumulationResponse> Accumulations);

    private const string AsOfParameter = "asOf";

    /// <summary>Whether the request is valid and for the first page of the current balance.</summary>
    public static bool IsFirstPageOfNow(HttpContext http, out long member, out int size)
    {
        size = 0;
        return MemberIds.TryRead(http.Request.RouteValues["memberId"] as string ?? "", "memberId", out member, out _)
            && Paging.TryReadSize(http, out size, out _)
            && !http.Request.Query.ContainsKey(Paging.CursorParameter) && !http.Request.Query.ContainsKey(AsOfParameter);
    }

    /// <summary>The answer with the first page of a current balance.</summary>
    public static Response Answer(CachedBalance value, int size)
    {
        var lots = value.Lots.Take(size).ToList();
        var next = value.Lots.Count > size ? DrawPosition.Of(lots[^1]).ToCursor(ListOf(value.MemberId, null)) : null;
        return new Response(
            value.MemberId, value.Balance, value.ManualBalance, value.AsOf, value.Version,
            new(lots.ConvertAll(lot => AccumulationResponse.From(lot, value.Date)), next));
    }

    public static async Task<IResult> HandleAsync(
        string memberId,
        HttpContext http,
        RulesProvider rules,
        IOptions<BusinessOptions> business,
        ReadSource source)
    {
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem)
            || !Paging.TryReadSize(http, out var size, out problem)
            || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem)
            || !QueryTexts.TryRead(http, AsOfParameter, out var asOf, out problem))
        {
            return problem;
        }

        var now = (await rules.CurrentAsync(http.RequestAborted)).At;
        if (!AsOf.TryRead(asOf, now, business.Value.Zone(), out var past, out problem))
        {
            return problem;
        }

        var list = ListOf(id, past?.At);
        DrawPosition? after = null;
        if (cursor is not null)
        {
            if (!DrawPosition.TryRead(list, cursor, out var position))
            {
                return Paging.InvalidCursor();
            }

            after = position;
        }

        var snapshot = past is { } moment
            ? await BalanceAtQuery.ReadAsync(source.Database, id, moment, after, size + 1, http.RequestAborted)
            : await BalanceQuery.ReadAsync(source.Database, id, now.Today, after, size + 1, http.RequestAborted);
        var lots = snapshot.Lots.Take(size).ToList();
        var next = snapshot.Lots.Count > size ? DrawPosition.Of(lots[^1]).ToCursor(list) : null;
        var items = lots.ConvertAll(lot => AccumulationResponse.From(lot, past?.Date ?? now.Today));
        http.Response.Headers.ETag = past is null
            ? MemberVersions.TagOf(snapshot.State, DateDependence.Expirations, now.Today)
            : MemberTags.Of(snapshot.CurrentVersion);

        return TypedResults.Ok(
            new Response(id, snapshot.Balance, snapshot.ManualBalance, past?.At ?? now.Now, snapshot.State.Version, new(items, next)));
    }

    // The current lots and the lots at each past moment are separate lists.
    private static string ListOf(long member, DateTimeOffset? past) => $"balance:{member}:{past?.UtcTicks}";
}
