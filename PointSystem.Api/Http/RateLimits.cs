using System.Buffers.Binary;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;
using PointSystem.Api.Ledger;

namespace PointSystem.Api.Http;

/// <summary>
/// The limits of <see cref="RateLimitOptions"/>: by client in the middleware of ASP.NET Core, by member where the member is known, and of keys for
/// requests that are refused. The headers <c>RateLimit-Policy</c> and <c>RateLimit</c> (draft-ietf-httpapi-ratelimit-headers-10) say how much is left.
/// </summary>
internal sealed class RateLimits : IAsyncDisposable
{
    // Members and addresses are counted in so many slots, because callers can invent more of them than there is memory. Two that share one, by
    // chance and differently in each process, share the limit.
    private const int Slots = 64 * 1024;

    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private readonly Limit _clientLimit;
    private readonly Limit _memberLimit;
    private readonly Limit _keyLimit;
    private readonly IPNetwork[] _proxies;
    private readonly PartitionedRateLimiter<long>? _members;
    private readonly StoredRefusals _refusals;
    private readonly ILogger<RateLimits> _logger;

    public RateLimits(IOptions<RateLimitOptions> options, StoredRefusals refusals, IMeterFactory meters, TimeProvider clock, ILogger<RateLimits> logger)
    {
        var counter = meters.Create("PointSystem.Api").CreateCounter<long>("pointsystem.requests.limited", "{request}", "Requests refused by a rate limit");
        _clientLimit = new Limit("client", "from this client", options.Value.Client, counter, clock);
        _memberLimit = new Limit("member", "for this member", options.Value.Member, counter, clock);
        _keyLimit = new Limit("refused-keys", "with an Idempotency-Key were refused", options.Value.RefusedKeys, counter, clock);
        _proxies = [.. options.Value.Proxies.Select(network => IPNetwork.Parse(network))];
        _refusals = refusals;
        _logger = logger;
        if (_clientLimit.IsOn)
        {
            Clients = PartitionedRateLimiter.Create<HttpContext, ClientKey>(http => _clientLimit.PartitionOf(ClientOf(http)));
        }

        if (_memberLimit.IsOn)
        {
            _members = PartitionedRateLimiter.Create<long, int>(member => _memberLimit.PartitionOf(HashCode.Combine(member) & (Slots - 1)));
        }
    }

    /// <summary>
    /// Limits clients: those with a token by their token, because only the provider can invent more of them. Null if they have no limit.
    /// </summary>
    public PartitionedRateLimiter<HttpContext>? Clients { get; }

    public bool AreMembersLimited => _members is not null;

    /// <summary>Reports every limit with 0: Prometheus sees no increase in a counter that appears with its first event.</summary>
    public void Publish()
    {
        _clientLimit.Publish();
        _memberLimit.Publish();
        _keyLimit.Publish();
    }

    /// <summary>Tells the client what is left of its limit.</summary>
    public void DescribeClient(HttpContext http) => _clientLimit.Describe(http, Clients?.GetStatistics(http)?.CurrentAvailablePermits ?? 0);

    /// <summary>The answer to a client that is beyond its limit.</summary>
    public ProblemResult RefuseClient(HttpContext http)
    {
        DescribeClient(http);
        return Refuse(http, _clientLimit, _clientLimit.SecondsPerRequest);
    }

    /// <summary>Counts a request for a member.</summary>
    /// <returns>The answer if the member is beyond its limit, otherwise null.</returns>
    public ProblemResult? EnterMember(HttpContext http, long memberId)
    {
        if (_members is null)
        {
            return null;
        }

        using var lease = _members.AttemptAcquire(memberId);
        _memberLimit.Describe(http, _members.GetStatistics(memberId)?.CurrentAvailablePermits ?? 0);
        return lease.IsAcquired ? null : Refuse(http, _memberLimit, _memberLimit.SecondsPerRequest);
    }

    /// <summary>The answer to a request with an idempotency key if too many of its caller were refused, otherwise null.</summary>
    public ProblemResult? RefuseKeyed(HttpContext http, IdempotencyKey key)
    {
        if (_refusals.WaitOf(key.Caller) is not { } wait)
        {
            return null;
        }

        var seconds = (long)Math.Ceiling(wait.TotalSeconds);
        _keyLimit.Describe(http, 0, seconds);
        return Refuse(http, _keyLimit, seconds);
    }

    public async ValueTask DisposeAsync()
    {
        await (Clients?.DisposeAsync() ?? default);
        await (_members?.DisposeAsync() ?? default);
    }

    private ProblemResult Refuse(HttpContext http, Limit limit, long seconds)
    {
        if (limit.CountRefused() is > 0 and var refused)
        {
            _logger.RateLimited(
                refused, limit.Name, http.User.Identity?.Name ?? AddressOf(http)?.ToString(),
                http.Request.Method, http.Request.Path.Value ?? "", ProblemResult.TraceIdOf(http));
        }

        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Problems.RateLimited(string.Create(
            CultureInfo.InvariantCulture,
            $"More than {limit.Quota} requests {limit.What} within {limit.Seconds} s; nothing was done. Try again in {seconds} s."));
    }

    private ClientKey ClientOf(HttpContext http) =>
        http.User.Identity?.IsAuthenticated == true ? new ClientKey(http.User.Caller(), 0)
        : new ClientKey(null, AddressOf(http) is { } address ? SlotOf(address) : 0);

    /// <summary>The caller's address, as the gateway names it if the request comes from one.</summary>
    private IPAddress? AddressOf(HttpContext http)
    {
        var remote = http.Connection.RemoteIpAddress;
        return remote is not null && IsProxy(remote)
            && http.Request.Headers["X-Forwarded-For"].ToString().Split(',')[^1].Trim() is { Length: > 0 } text && IPAddress.TryParse(text, out var forwarded)
            ? forwarded
            : remote;
    }

    private bool IsProxy(IPAddress address) =>
        IPAddress.IsLoopback(address) || Array.Exists(_proxies, network => network.Contains(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address));

    private static int SlotOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        address.TryWriteBytes(bytes, out _);

        // Everybody with IPv6 has a network of 2^64 addresses.
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? HashCode.Combine(BinaryPrimitives.ReadInt64BigEndian(bytes)) & (Slots - 1)
            : HashCode.Combine(BinaryPrimitives.ReadInt32BigEndian(bytes)) & (Slots - 1);
    }

    private readonly record struct ClientKey(string? Caller, int Slot);

    /// <summary>A limit, and how it is reported.</summary>
    private sealed class Limit(string name, string what, RateLimit limit, Counter<long> counter, TimeProvider clock)
    {
        private readonly KeyValuePair<string, object?> _tag = new("limit", name);
        private readonly string _policy = string.Create(CultureInfo.InvariantCulture, $"\"{name}\";q={limit.Requests};w={limit.WindowSeconds}");
        private readonly TokenBucketRateLimiterOptions _bucket = new()
        {
            TokenLimit = Math.Max(1, limit.Requests),
            TokensPerPeriod = Math.Max(1, limit.Requests),
            ReplenishmentPeriod = limit.Window,
            QueueLimit = 0,
            AutoReplenishment = false,
        };

        private long _refused;
        private long _loggedAt = clock.GetTimestamp() - (long)(LogInterval.TotalSeconds * clock.TimestampFrequency);

        public string Name => name;

        /// <summary>What is counted, for a sentence after "requests".</summary>
        public string What => what;

        public bool IsOn => limit.Requests > 0;

        public int Quota => limit.Requests;

        public long Seconds => limit.WindowSeconds;

        /// <summary>The bucket fills continuously, so there is room for one request after this time.</summary>
        public long SecondsPerRequest => Math.Max(1, (limit.WindowSeconds + limit.Requests - 1) / Math.Max(1, limit.Requests));

        public RateLimitPartition<TKey> PartitionOf<TKey>(TKey key) => RateLimitPartition.GetTokenBucketLimiter(key, _ => _bucket);

        public void Describe(HttpContext http, long left) =>
            Describe(http, left, (((limit.Requests - left) * limit.WindowSeconds) + limit.Requests - 1) / limit.Requests);

        public void Describe(HttpContext http, long left, long secondsUntilAllIsLeft)
        {
            var state = string.Create(CultureInfo.InvariantCulture, $"\"{name}\";r={left};t={secondsUntilAllIsLeft}");

            // When the answer starts, because the exception handler clears the headers.
            http.Response.OnStarting(() =>
            {
                http.Response.Headers.Append("RateLimit-Policy", _policy);
                http.Response.Headers.Append("RateLimit", state);
                return Task.CompletedTask;
            });
        }

        /// <returns>The number to log; 0 if it is not the time to log.</returns>
        public long CountRefused()
        {
            counter.Add(1, _tag);
            Interlocked.Increment(ref _refused);
            var (last, now) = (Interlocked.Read(ref _loggedAt), clock.GetTimestamp());
            return clock.GetElapsedTime(last, now) >= LogInterval && Interlocked.CompareExchange(ref _loggedAt, now, last) == last
                ? Interlocked.Exchange(ref _refused, 0)
                : 0;
        }

        public void Publish() => counter.Add(0, _tag);
    }
}

internal static class RateLimitsExtensions
{
    public static void AddRateLimits(this IServiceCollection services)
    {
        services.AddSingleton<RateLimits>();
        services.AddRateLimiter(static _ => { });
        services.AddOptions<RateLimiterOptions>().Configure<RateLimits>(static (options, limits) =>
        {
            options.GlobalLimiter = limits.Clients;
            options.OnRejected = (rejected, _) => new ValueTask(limits.RefuseClient(rejected.HttpContext).ExecuteAsync(rejected.HttpContext));
        });
    }

    /// <summary>Limits the clients of the API, if that is configured. Probes, metrics and documents are not limited.</summary>
    /// <param name="app">The application, which must have authenticated the client.</param>
    /// <param name="isExempt">Requests that do not count.</param>
    public static void UseRateLimits(this WebApplication app, Func<HttpContext, bool> isExempt)
    {
        var limits = app.Services.GetRequiredService<RateLimits>();

        // Not earlier: then nobody would read the counter yet.
        app.Lifetime.ApplicationStarted.Register(limits.Publish);
        if (limits.Clients is null)
        {
            return;
        }

        app.UseWhen(http => http.Request.Path.StartsWithSegments("/api") && !isExempt(http), branch =>
        {
            branch.UseRateLimiter();
            branch.Use((http, next) =>
            {
                limits.DescribeClient(http);
                return next(http);
            });
        });
    }

    /// <summary>Limits the requests for one member, for reads that name the member in their path.</summary>
    public static TBuilder LimitsMembers<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.AddEndpointFilterFactory((context, next) =>
        {
            var limits = context.ApplicationServices.GetRequiredService<RateLimits>();
            return !limits.AreMembersLimited ? next : invocation =>
                ReadLimit.MemberOf(invocation.HttpContext) is > 0 and var member && limits.EnterMember(invocation.HttpContext, member) is { } refused
                    ? ValueTask.FromResult<object?>(refused)
                    : next(invocation);
        });
}
