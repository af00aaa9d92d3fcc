using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;
using PointSystem.Locking.Store;

namespace PointSystem.Locking.Resilience;

/// <summary>
/// The named pipeline around one TryLock: circuit breaker outside, attempt timeout inside. No retry: see docs/locking.md, ghost holds.
/// </summary>
internal static class LockPipeline
{
    public const string Name = "lock-store";

    private static readonly TimeSpan BreakDurationMin = TimeSpan.FromMilliseconds(500);

    public static IServiceCollection AddLockPipeline(this IServiceCollection services) =>
        services.AddResiliencePipeline(Name, static (pipeline, context) =>
        {
            var options = context.ServiceProvider.GetRequiredService<IOptions<LockingOptions>>().Value;
            var breaker = context.ServiceProvider.GetRequiredService<LockBreaker>();
            pipeline.TimeProvider = context.ServiceProvider.GetRequiredService<TimeProvider>();
            pipeline
                .AddCircuitBreaker(new CircuitBreakerStrategyOptions
                {
                    Name = "breaker",
                    FailureRatio = options.Breaker.FailureRatio,
                    MinimumThroughput = options.Breaker.MinimumThroughput,
                    SamplingDuration = options.Breaker.SamplingDuration,
                    // LockBreaker isolates an open breaker and closes it after its own probe; this duration is for the case that it
                    // missed the moment.
                    BreakDuration = options.Breaker.ProbeInterval * 4 > BreakDurationMin ? options.Breaker.ProbeInterval * 4 : BreakDurationMin,
                    ManualControl = breaker.Control,
                    StateProvider = breaker.State,
                    // Contention is an answer (false), so it never gets here. Neither does a caller's cancellation.
                    ShouldHandle = new PredicateBuilder().Handle<LockStoreException>().Handle<TimeoutRejectedException>(),
                    OnOpened = opened =>
                    {
                        if (!opened.IsManual)
                        {
                            breaker.Opened();
                        }
                        return default;
                    },
                })
                .AddTimeout(new TimeoutStrategyOptions { Name = "attempt", Timeout = options.AttemptTimeout });
        });
}
