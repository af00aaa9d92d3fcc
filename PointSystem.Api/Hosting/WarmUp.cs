using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Health;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.Locking;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Hosting;

/// <summary>Options of the warm-up; section <c>WarmUp</c>.</summary>
internal sealed class WarmUpOptions
{
    public const string SectionName = "WarmUp";

    /// <summary>
    /// Maximum time between the moment at which the database is ready and the moment at which the replica is, 0 … 1 minute; default 10 s.
    /// 0 = no warm-up.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00", ErrorMessage = "WarmUp:Limit must be from {1} to {2}.")]
    public TimeSpan Limit { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// Exercises the hot path before the replica is ready, so that its first callers meet compiled code, open connections and prepared
/// statements. It leaves nothing behind: writes are rolled back, and the requests to this replica are ones that every rule refuses.
/// </summary>
/// <remarks>
/// It waits for the database, without which the replica is not ready anyway. From then on it takes at most <see cref="WarmUpOptions.Limit"/>,
/// and then the replica is ready whether the warm-up has succeeded or not: it is slower, not wrong.
/// </remarks>
internal sealed partial class WarmUp(
    IServer server,
    PointLedger ledger,
    NpgsqlDataSource writes,
    DatabasePools pools,
    DatabaseHealthCheck database,
    IOptions<WarmUpOptions> options,
    IOptions<LockingOptions> locking,
    IOptionsMonitor<JwtBearerOptions> tokens,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<WarmUp> logger) : BackgroundService, IHealthCheck
{
    // The runtime compiles a method for speed after 30 calls.
    private const int Rehearsals = 40;

    // A statement is prepared at its second use on a connection. Every second time wallets are locked without waiting.
    private const int RehearsalsPerConnection = 4;
    private const int Callers = 16;
    private const int Rounds = 20;

    private static readonly TimeSpan DatabaseInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan KeysInterval = TimeSpan.FromSeconds(1);
    private volatile bool _ended;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_ended
            ? HealthCheckResult.Healthy("This replica has warmed up.")
            : HealthCheckResult.Unhealthy("This replica is warming up."));

    /// <summary>The warm-up's own requests do not count in the request metrics.</summary>
    public static Task HideFromMetrics(HttpContext http, RequestDelegate next)
    {
        if (OwnRequests.Contain(http) && http.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }

        return next(http);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.Limit > TimeSpan.Zero)
        {
            await RunAsync(stoppingToken);
        }

        _ended = true;
    }

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var starting = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
        while ((await database.CheckHealthAsync(new HealthCheckContext(), stoppingToken)).Status != HealthStatus.Healthy)
        {
            await Task.Delay(DatabaseInterval, clock, stoppingToken);
        }

        var began = clock.GetTimestamp();
        using var limit = new CancellationTokenSource(options.Value.Limit, clock);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, limit.Token);
        var secret = OwnRequests.Begin();
        try
        {
            // WaitAsync as well: a statement on a server that has stopped answering takes longer to cancel.
            await Task.WhenAll(RehearseAsync(ending.Token), CallAsync(secret, ending.Token), KeysAsync(ending.Token)).WaitAsync(ending.Token);
            var elapsed = clock.GetElapsedTime(began);
            LogWarm(logger, elapsed);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            LogGivenUp(logger, options.Value.Limit.TotalSeconds);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Whatever is wrong, the first callers find out; the start must not depend on it.
            LogFailed(logger, failure);
        }
        finally
        {
            OwnRequests.End();
        }
    }

    /// <summary>Gets the identity provider's keys: without them this replica could check no token.</summary>
    private async Task KeysAsync(CancellationToken cancellationToken)
    {
        var provider = tokens.Get(JwtBearerDefaults.AuthenticationScheme).ConfigurationManager;
        for (var known = provider is null; !known;)
        {
            try
            {
                await provider!.GetConfigurationAsync(cancellationToken);
                known = true;
            }
            catch (IdentityProviderAwayException)
            {
                await Task.Delay(KeysInterval, clock, cancellationToken);
            }
        }
    }

    /// <summary>Opens the connections that writes will use, and executes and rolls back writes on each.</summary>
    private async Task RehearseAsync(CancellationToken cancellationToken)
    {
        var connections = new List<NpgsqlConnection>();
        try
        {
            for (var number = 0; number < ConnectionsNeeded(); number++)
            {
                var connection = await writes.OpenConnectionAsync(cancellationToken);
                connections.Add(connection);
                for (var rehearsal = 0; rehearsal < (number == 0 ? Rehearsals : RehearsalsPerConnection); rehearsal++)
                {
                    await ledger.RehearseAsync(connection, Steps(), skipBusy: rehearsal % 2 == 0, cancellationToken);
                }
            }
        }
        finally
        {
            foreach (var connection in connections)
            {
                await connection.DisposeAsync();
            }
        }
    }

    // Those of the lanes and beside them. In mode row every request has its own.
    private int ConnectionsNeeded()
    {
        var combining = locking.Value.Combining;
        return locking.Value.Mode == LockMode.Row
            ? pools.Writes
            : Math.Min(pools.Writes, combining.Lanes + combining.QueueLanes + combining.DetoursMax);
    }

    // The second step finds the lots of the first: the statements of a usage differ from those of an accumulation.
    private static IReadOnlyList<IReadOnlyList<IPointCommand>> Steps()
    {
        var member = UnknownMember();
        return
        [
            [new AccumulatePoints.Command(member, 1, null, false, null, nameof(WarmUp), null)],
            [new UsePoints.Command(
                member, nameof(WarmUp), 1, nameof(WarmUp), Idempotency.For(new($"{Guid.NewGuid():N}", nameof(WarmUp)), nameof(WarmUp), member))],
        ];
    }

    /// <summary>
    /// Sends requests to this replica that take the whole way of a write: routing, body, queue, lock, lane, database, answer. Each asks for
    /// more points than any member can have, so it is refused under the row lock, and nothing is written.
    /// </summary>
    private async Task CallAsync(string secret, CancellationToken cancellationToken)
    {
        if (OwnAddress() is not { } address)
        {
            return;
        }

        using var client = new HttpClient(
            new UntracedHandler { InnerHandler = new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = Callers } }) { BaseAddress = address };
        client.DefaultRequestHeaders.Add(OwnRequests.Header, secret);
        var crowd = UnknownMember();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                // Half of them crowd one member, as a hot member's callers do.
                await SendAsync(client, caller % 2 == 0 ? crowd : UnknownMember(), cancellationToken);
            }
        }));
    }

    private static async Task SendAsync(HttpClient client, long member, CancellationToken cancellationToken)
    {
        using var body = new ByteArrayContent(Encoding.UTF8.GetBytes(
            $$"""{"memberId":{{member}},"orderNumber":"{{nameof(WarmUp)}}","amount":{{long.MaxValue}}}"""));
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await client.PostAsync(new Uri("/api/points/use", UriKind.Relative), body, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.UnprocessableEntity)
        {
            throw new HttpRequestException($"The answer to a request of the warm-up was {(int)answer.StatusCode}.", null, answer.StatusCode);
        }
    }

    /// <summary>The first address without TLS on which this replica listens, by loopback; null if there is none.</summary>
    private Uri? OwnAddress() => server.Features.Get<IServerAddressesFeature>()?.Addresses
        .Select(BindingAddress.Parse).Where(binding => binding is { Scheme: "http", IsUnixPipe: false, IsNamedPipe: false })
        .Select(binding => IPAddress.TryParse(binding.Host.Trim('[', ']'), out var ip) && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any)
            ? new UriBuilder("http", binding.Host, binding.Port).Uri
            : new UriBuilder("http", "localhost", binding.Port).Uri)
        .FirstOrDefault();

    // Ids beyond any that a shop assigns. If a member has one all the same, nothing happens to it.
    private static long UnknownMember() => long.MaxValue - Random.Shared.NextInt64(long.MaxValue / 4);

    [LoggerMessage(EventId = 1401, Level = LogLevel.Information, Message = "Warmed up in {Elapsed}")]
    private static partial void LogWarm(ILogger logger, TimeSpan elapsed);

    [LoggerMessage(EventId = 1402, Level = LogLevel.Warning, Message = "The warm-up was not finished within {Seconds} s; the first requests will be slower")]
    private static partial void LogGivenUp(ILogger logger, double seconds);

    [LoggerMessage(EventId = 1403, Level = LogLevel.Warning, Message = "The warm-up failed; the first requests will be slower")]
    private static partial void LogFailed(ILogger logger, Exception failure);
}

internal static class WarmUpExtensions
{
    /// <summary>Registers the warm-up, and that the replica is not ready before it.</summary>
    public static IHostApplicationBuilder AddWarmUp(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<WarmUpOptions>().BindConfiguration(WarmUpOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<WarmUp>();
        builder.Services.AddHostedService(services => services.GetRequiredService<WarmUp>());
        builder.Services.AddHealthChecks().AddCheck<WarmUp>("warm-up", tags: [Extensions.ReadyTag]);
        return builder;
    }
}
