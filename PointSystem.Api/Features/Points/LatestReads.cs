using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>
/// Answers reads that name no member, and so have no version that says how new their answer is: from the standby, if it has replayed everything that was
/// committed when they began. The primary says how far its log has got by then (the LSN). So every caller sees what anybody has been told of before.
/// </summary>
/// <remarks>
/// The primary answers if the standby does not get so far within 50 ms, if it fails or does not answer, and if it refuses: its horizon of events can be
/// behind that of the primary although it has all commits, because the ends of transactions that wrote nothing reach it later.
/// </remarks>
internal sealed class LatestReads(
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource database, Standby standby, ReadLimit reads, ReadMetrics metrics, TimeProvider clock)
{
    // A commit is in the flushed log before anybody sees it. Null on a server that is a standby itself.
    private const string LogEnd = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN (pg_current_wal_flush_lsn() - '0/0')::bigint END";

    // False on a server that is a standby no more: it goes its own way.
    private const string HasReplayed = "SELECT pg_is_in_recovery() AND coalesce(pg_last_wal_replay_lsn() - '0/0' >= $1, false)";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var http = invocation.HttpContext;
        if (standby.Usable is { } replica && await LogEndAsync(http) is { } end)
        {
            var source = http.RequestServices.GetRequiredService<ReadSource>();
            try
            {
                if (await HasReplayedAsync(replica, end, http))
                {
                    source.UseStandby(replica);
                    var result = await next(invocation);
                    if (result is not IStatusCodeHttpResult { StatusCode: not (null or StatusCodes.Status200OK) })
                    {
                        metrics.AnsweredBy(ReadMetrics.Standby);
                        return result;
                    }
                }
            }
            catch (Exception failure) when (!http.RequestAborted.IsCancellationRequested && Standby.IsFailure(failure))
            {
                standby.LeaveAfter(failure);
            }

            source.UsePrimary();
        }

        metrics.AnsweredBy(ReadMetrics.Primary);
        return await next(invocation);
    }

    /// <summary>How far the primary's log has got, in bytes; null if it has none, or if too many reads are running to ask.</summary>
    private async Task<long?> LogEndAsync(HttpContext http)
    {
        using var read = await reads.TryEnterAsync(http, http.RequestAborted);
        return read is null ? null : (await database.QueryAsync(LogEnd, [], Columns.LongOrNull, http.RequestAborted))[0];
    }

    private async Task<bool> HasReplayedAsync(NpgsqlDataSource replica, long end, HttpContext http)
    {
        for (var began = clock.GetTimestamp(); ;)
        {
            using (var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted))
            {
                ending.CancelAfter(Standby.AnswerLimit);

                // WaitAsync as well: cancelling a query on a server that does not answer can itself take seconds.
                var asking = replica.QueryAsync(HasReplayed, [Columns.Value(end)], static reader => reader.GetBoolean(0), ending.Token);
                if ((await asking.WaitAsync(Standby.AnswerLimit, clock, http.RequestAborted))[0])
                {
                    return true;
                }
            }

            if (clock.GetElapsedTime(began) >= MemberVersions.WaitMax)
            {
                return false;
            }

            await Task.Delay(MemberVersions.Pause, clock, http.RequestAborted);
        }
    }
}

internal static class LatestReadsExtensions
{
    /// <summary>The read names no member, and may be answered from a standby that is up to date. It takes its database from <see cref="ReadSource"/>.</summary>
    public static RouteHandlerBuilder ReadsLatest(this RouteHandlerBuilder endpoint) => endpoint.AddEndpointFilterFactory((context, next) =>
    {
        var latest = context.ApplicationServices.GetRequiredService<LatestReads>();
        return invocation => latest.InvokeAsync(invocation, next);
    });
}
