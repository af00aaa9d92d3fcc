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
/// This is the one place that knows how new the state is that reads are answered from. The first page of a current balance comes from the cache. For the
/// rest, a standby is asked first. The primary answers if the standby is older than the caller demands or knows, if it fails or does not answer, and if it
/// refuses: what it does not find may not have arrived there yet. It also answers whoever sends the cursor of an earlier page, which says nothing about the
/// state that the page was read from.
/// </remarks>
internal sealed class MemberVersions(
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource database, Standby standby, ReadLimit reads, RulesProvider rules, ReadMetrics metrics,
    TimeProvider clock, CachedBalances? balances = null)
{
    /// <summary>How long a read waits for the version that it demands: enough for a write that is being committed.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromMilliseconds(50);

    /// <summary>How long it waits between two looks.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

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

        var began = clock.GetTimestamp();
        var known = Math.Max(demanded ?? 0, MemberTags.KnownVersion(http));
        if (tagsItself && balances is not null && GetBalance.IsFirstPageOfNow(http, out var of, out var size))
        {
            if (await balances.FindAsync(of, size, known, began, http.RequestAborted) is { } found)
            {
                return AnswerFrom(found, http, size, date);
            }

            known = Math.Max(known, balances.VersionOf(of));
        }

        var member = ReadLimit.MemberOf(http);
        if (member > 0 && standby.Usable is { } replica && !http.Request.Query.ContainsKey(Paging.CursorParameter)
            && await TryStandbyAsync(replica, invocation, next, date, member, known, began) is { } answered)
        {
            metrics.AnsweredBy(ReadMetrics.Standby);
            return answered;
        }

        metrics.AnsweredBy(ReadMetrics.Primary);
        if (member <= 0 || (tagsItself && demanded is null && http.Request.Headers.IfNoneMatch.Count == 0))
        {
            return await next(invocation);
        }

        var today = (await rules.CurrentAsync(http.RequestAborted)).At.Today;
        if (await ReadAsync(database, http, member, today, demanded ?? 0, began) is not { } state)
        {
            return reads.Refuse(http);
        }

        if (state.Version < demanded)
        {
            return Problems.VersionNotReached(member, state.Version, demanded.Value);
        }

        return await AnswerAsync(invocation, next, TagOf(state, date, today));
    }

    /// <summary>Answers with a balance from the cache, or with one that was read for it.</summary>
    private object? AnswerFrom(FoundBalance found, HttpContext http, int size, DateDependence date)
    {
        metrics.AnsweredBy(found.Source);
        if (found.Value is not { } value)
        {
            return reads.Refuse(http);
        }

        var tag = TagOf(new MemberState(value.Version, value.HasUnpostedExpirations), date, value.Date);
        http.Response.Headers.ETag = tag;
        return MemberTags.IsKnown(http, tag) ? TypedResults.StatusCode(StatusCodes.Status304NotModified) : TypedResults.Ok(GetBalance.Answer(value, size));
    }

    /// <summary>Answers from the standby; null if that must be left to the primary.</summary>
    private async Task<object?> TryStandbyAsync(
        NpgsqlDataSource replica, EndpointFilterInvocationContext invocation, EndpointFilterDelegate next, DateDependence date, long member, long demanded,
        long began)
    {
        var http = invocation.HttpContext;
        var source = http.RequestServices.GetRequiredService<ReadSource>();
        var today = (await rules.CurrentAsync(http.RequestAborted)).At.Today;
        try
        {
            if (await ReadAsync(replica, http, member, today, demanded, began, Standby.AnswerLimit) is not { } state || state.Version < demanded)
            {
                return null;
            }

            source.UseStandby(replica);
            var result = await AnswerAsync(invocation, next, TagOf(state, date, today));
            if (http.Response.HasStarted || result is not IStatusCodeHttpResult { StatusCode: not (null or StatusCodes.Status200OK or StatusCodes.Status304NotModified) })
            {
                return result;
            }

            http.Response.Headers.Remove("ETag");
        }
        catch (Exception failure) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested && Standby.IsFailure(failure))
        {
            standby.LeaveAfter(failure);
        }

        source.UsePrimary();
        return null;
    }

    /// <summary>Runs the read, unless its answer would be the one that the caller has.</summary>
    private static async Task<object?> AnswerAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next, string tag)
    {
        // The tag is from before the read, so it is never newer than the answer.
        var http = invocation.HttpContext;
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
    private async Task<MemberState?> ReadAsync(
        NpgsqlDataSource from, HttpContext http, long member, DateOnly today, long demanded, long began, TimeSpan? limit = null)
    {
        var cancellationToken = http.RequestAborted;
        while (true)
        {
            MemberState state;

            // Not held during the pause, so that reads of versions that do not exist do not delay others.
            using (var read = await reads.TryEnterAsync(http, cancellationToken))
            {
                if (read is null)
                {
                    return null;
                }

                using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                ending.CancelAfter(limit ?? Timeout.InfiniteTimeSpan);

                // WaitAsync as well: cancelling a query on a server that does not answer can itself take seconds.
                state = await MemberStateQuery.ReadAsync(from, member, today, ending.Token).WaitAsync(limit ?? Timeout.InfiniteTimeSpan, clock, cancellationToken);
            }

            if (state.Version >= demanded || clock.GetElapsedTime(began) >= WaitMax)
            {
                return state;
            }

            await Task.Delay(Pause, clock, cancellationToken);
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
