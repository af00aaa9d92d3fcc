using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>What the answer of a read depends on, besides the ledger of its member.</summary>
internal enum DateDependence
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Expired points, which count as expired before their expiration is posted.</summary>
    Expirations,

    /// <summary>The business date.</summary>
    Today,
}

/// <summary>
/// Answers reads of a member from a state that is not older than the caller demands (<c>X-Min-Version</c>), and with 304 if the caller
/// knows that state (<c>If-None-Match</c>).
/// </summary>
/// <remarks>
/// This is the one place that knows how new the state is that reads are answered from. Now that is always the primary's. A standby or a
/// cache belongs here: it is asked first, and the primary if it is older than the caller demands.
/// </remarks>
internal sealed class MemberVersions(
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource database, ReadLimit reads, RulesProvider rules, TimeProvider clock)
{
    /// <summary>How long a read waits for the version that it demands: enough for a write that is being committed.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>The tag of a state.</summary>
    public static string TagOf(MemberState state, DateDependence date, DateOnly today) => MemberTags.Of(
        state.Version, date == DateDependence.Today || (date == DateDependence.Expirations && state.HasUnpostedExpirations) ? today : null);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next, DateDependence date, bool tagsItself)
    {
        var http = invocation.HttpContext;
        if (!MemberTags.TryReadMinVersion(http, out var demanded, out var problem))
        {
            return problem;
        }

        var member = ReadLimit.MemberOf(http);
        if (member <= 0 || (tagsItself && demanded is null && http.Request.Headers.IfNoneMatch.Count == 0))
        {
            return await next(invocation);
        }

        var today = (await rules.CurrentAsync(http.RequestAborted)).At.Today;
        if (await ReadAsync(http, member, today, demanded ?? 0) is not { } state)
        {
            return reads.Refuse(http);
        }

        if (state.Version < demanded)
        {
            return Problems.VersionNotReached(member, state.Version, demanded.Value);
        }

        // The tag is from before the read, so it is never newer than the answer.
        var tag = TagOf(state, date, today);
        var isKnown = MemberTags.IsKnown(http, tag);
        var result = isKnown && CannotFail(http) ? null : await next(invocation);
        if (result is IStatusCodeHttpResult { StatusCode: not (null or StatusCodes.Status200OK) })
        {
            return result;
        }

        if (isKnown || http.Response.Headers.ETag.Count == 0)
        {
            http.Response.Headers.ETag = tag;
        }

        return isKnown ? TypedResults.StatusCode(StatusCodes.Status304NotModified) : result;
    }

    /// <summary>Whether the request has nothing that can be invalid or unknown: then a 304 needs no read.</summary>
    private static bool CannotFail(HttpContext http) =>
        !http.Request.QueryString.HasValue
        && MemberIds.TryRead(http.Request.RouteValues["memberId"] as string ?? "", "memberId", out _, out _)
        && http.GetEndpoint()?.Metadata.OfType<ParameterDoc>().Any(parameter => parameter.IsRequired) == false;

    /// <summary>Reads the state of the member, after a wait if it is older than demanded; null if there are too many reads.</summary>
    private async Task<MemberState?> ReadAsync(HttpContext http, long member, DateOnly today, long demanded)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            MemberState state;

            // Not held during the pause, so that reads of versions that do not exist do not delay others.
            using (var read = await reads.TryEnterAsync(http, http.RequestAborted))
            {
                if (read is null)
                {
                    return null;
                }

                state = await MemberStateQuery.ReadAsync(database, member, today, http.RequestAborted);
            }

            if (state.Version >= demanded || clock.GetElapsedTime(began) >= WaitMax)
            {
                return state;
            }

            await Task.Delay(Pause, clock, http.RequestAborted);
        }
    }
}

internal static class MemberVersionsExtensions
{
    /// <summary>The read of a member takes <c>X-Min-Version</c> and <c>If-None-Match</c>, and its answer has an <c>ETag</c>.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="date">What the answer depends on, besides the ledger.</param>
    /// <param name="tagsItself">Whether the handler sets the tag, which saves a round trip to the database.</param>
    public static RouteHandlerBuilder TakesVersions(this RouteHandlerBuilder endpoint, DateDependence date = DateDependence.None, bool tagsItself = false)
    {
        endpoint.AddEndpointFilterFactory((context, next) =>
        {
            var versions = context.ApplicationServices.GetRequiredService<MemberVersions>();
            return invocation => versions.InvokeAsync(invocation, next, date, tagsItself);
        });
        return endpoint.TakesVersionHeaders();
    }
}
