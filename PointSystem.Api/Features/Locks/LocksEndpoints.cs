using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.OpenApi;
using PointSystem.Locking;

namespace PointSystem.Api.Features.Locks;

/// <summary>GET /api/admin/locks</summary>
internal static class LocksEndpoints
{
    private const int KeysMax = 20;

    private const string Example =
        """
        {"replica":"api-1","mode":"distributed","modes":{"use":"distributed","accumulate":"distributed","cancel":"distributed","transfer":"distributed"},
         "canaryPercent":100,"breaker":{"state":"closed","reason":null},"waiting":12,"activeKeys":3,"hotKeys":1,
         "hottestKeys":[{"key":"point:use:member:7","waiting":11,"oldestWaitMs":3.1,"executed":5210,"averageWaitMs":2.4,"longestWaitMs":18.9}],
         "lastMinute":{"executed":48211,"rowOnly":0,"failed":0,"timedOut":0,"cancelled":0,"refused":0,"batches":1890,"turns":402,"fallbacks":0,
                       "unlocked":0,"queued":12,"bypasses":0,"commandsPerSecond":803.5,"commandsPerBatch":25.5}}
        """;

    public static void MapLocks(this IEndpointRouteBuilder app) =>
        app.MapAdmin("/api/admin/locks").MapGet("", HandleAsync).WithTags("Locks").WithName("GetLocks")
            .WithSummary("Gets the state of the locks on the answering replica")
            .WithDescription(
                "Mode, canary percentage, breaker, hottest keys, and counts over the last minute. Each replica has its own state; "
                + "the header X-Replica names the replica that answered.")
            .Answers<LocksResponse>(200, Example);

    private static async Task<IResult> HandleAsync(LockMonitor monitor, RulesProvider rules, IConfiguration configuration, CancellationToken cancellationToken)
    {
        var modes = await rules.LockModesAsync(cancellationToken);
        var general = modes.General ?? monitor.Mode;
        var snapshot = monitor.Combining(KeysMax).Single();
        var response = new LocksResponse(
            configuration["Replica:Name"],
            LockModes.NameOf(general),
            new OperationModes(
                LockModes.NameOf(modes.Use ?? general),
                LockModes.NameOf(modes.Accumulate ?? general),
                LockModes.NameOf(modes.Cancel ?? general),
                LockModes.NameOf(modes.Transfer ?? general)),
            modes.CanaryPercent,
            new BreakerResponse(monitor.IsFallback ? "open" : "closed", monitor.FallbackReason),
            snapshot.Waiting,
            snapshot.ActiveKeys,
            snapshot.HotKeys,
            [.. snapshot.Hottest.Select(Describe)],
            Describe(snapshot.LastMinute));
        return TypedResults.Json(response, PointJsonContext.Wire.LocksResponse);
    }

    private static HotKeyResponse Describe(KeySnapshot key) => new(
        string.Join(" + ", key.Keys),
        key.Waiting,
        Round(key.OldestWait.TotalMilliseconds),
        key.Executed,
        Round(key.AverageWait.TotalMilliseconds),
        Round(key.LongestWait.TotalMilliseconds));

    private static LockRatesResponse Describe(CombiningRates rates) => new(
        rates.Executed,
        rates.RowOnly,
        rates.Failed,
        rates.TimedOut,
        rates.Cancelled,
        rates.Refused,
        rates.Batches,
        rates.Turns,
        rates.Fallbacks,
        rates.Unlocked,
        rates.Queued,
        rates.Bypasses,
        Round((rates.Executed + rates.RowOnly) / 60.0),
        rates.Batches == 0 ? 0 : Round(rates.Executed / (double)rates.Batches));

    private static double Round(double value) => Math.Round(value, 1);
}
