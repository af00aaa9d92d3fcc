using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Http;

/// <summary>
/// Limits the number of concurrent reads on this replica to the number of read connections, and to half of that for one member, so that
/// slow reads of a member with a long history leave room for other members. Further reads wait for a short time; if the queue is full,
/// they are refused with 429.
/// </summary>
internal sealed class ReadLimit : IEndpointFilter, IAsyncDisposable
{
    private static readonly TimeSpan WaitPause = TimeSpan.FromMilliseconds(100);

    private readonly PartitionedRateLimiter<long> _members;
    private readonly ConcurrencyLimiter _all;
    private readonly TimeSpan _wait;
    private readonly ILogger<ReadLimit> _logger;

    public ReadLimit(DatabasePools pools, IOptions<ReadOptions> options, ILogger<ReadLimit> logger)
    {
        _all = new ConcurrencyLimiter(Limit(pools.Reads, options.Value.QueueLimit));
        var forOneMember = Limit((pools.Reads + 1) / 2, options.Value.QueueLimit);
        _members = PartitionedRateLimiter.Create<long, long>(member => RateLimitPartition.GetConcurrencyLimiter(member, _ => forOneMember));
        _wait = options.Value.QueueWait;
        _logger = logger;
    }

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        using var entered = await TryEnterAsync(context.HttpContext, context.HttpContext.RequestAborted);
        return entered is null ? Refuse(context.HttpContext) : await next(context);
    }

    /// <summary>Waits until a read may start; null if it may not. Disposing the result ends the read.</summary>
    public Task<IDisposable?> TryEnterAsync(HttpContext http, CancellationToken cancellationToken) => TryEnterAsync(MemberOf(http), cancellationToken);

    /// <inheritdoc cref="TryEnterAsync(HttpContext, CancellationToken)"/>
    public async Task<IDisposable?> TryEnterAsync(long memberId, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        waiting.CancelAfter(_wait);
        RateLimitLease? member = null, all = null;
        try
        {
            member = await _members.AcquireAsync(memberId, 1, waiting.Token);
            all = member.IsAcquired ? await _all.AcquireAsync(1, waiting.Token) : null;
            if (all is { IsAcquired: true })
            {
                var entered = new Entered(member, all);
                member = all = null;
                return entered;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The maximum wait has passed.
        }
        finally
        {
            all?.Dispose();
            member?.Dispose();
        }

        return null;
    }

    /// <summary>
    /// Reads the next part of an answer that has started: it can no longer be refused, and waits for a place as long as it takes.
    /// </summary>
    public async Task<T> WaitForAsync<T>(HttpContext http, Func<Task<T>> read)
    {
        while (true)
        {
            using (var entered = await TryEnterAsync(http, http.RequestAborted))
            {
                if (entered is not null)
                {
                    return await read();
                }
            }

            await Task.Delay(WaitPause, http.RequestAborted);
        }
    }

    /// <summary>Logs that a read may not start.</summary>
    /// <returns>The problem to answer.</returns>
    public IResult Refuse(HttpContext http)
    {
        _logger.QueueFull(http.Request.Method, http.Request.Path.Value ?? "", ProblemResult.TraceIdOf(http));
        return Problems.TooManyRequests("Too many reads are already running, for the same member or in total. Try again later.");
    }

    public async ValueTask DisposeAsync()
    {
        await _members.DisposeAsync();
        await _all.DisposeAsync();
    }

    private static ConcurrencyLimiterOptions Limit(int permits, int queue) =>
        new() { PermitLimit = permits, QueueLimit = queue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst };

    // 0 for the event feed, and for a request without a valid member, which is refused before it reaches the database.
    internal static long MemberOf(HttpContext http) =>
        PointKey.TryParse(http.Request.RouteValues["pointKey"] as string, out var key) ? key.MemberId
        : long.TryParse(http.Request.RouteValues["memberId"] as string, out var member) ? member
        : 0;

    private sealed class Entered(RateLimitLease member, RateLimitLease all) : IDisposable
    {
        public void Dispose()
        {
            all.Dispose();
            member.Dispose();
        }
    }
}

internal static class ReadLimitExtensions
{
    /// <summary>Applies the read limit to an endpoint or to all endpoints of a group.</summary>
    public static TBuilder CountsAsRead<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.AddEndpointFilterFactory((context, next) =>
        {
            var limit = context.ApplicationServices.GetRequiredService<ReadLimit>();
            return invocation => limit.InvokeAsync(invocation, next);
        });
}
