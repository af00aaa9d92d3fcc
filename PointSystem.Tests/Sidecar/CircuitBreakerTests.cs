using Microsoft.Extensions.Time.Testing;
using PointSystem.Local.Sidecar;

namespace PointSystem.Tests.Sidecar;

public sealed class CircuitBreakerTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly List<(BreakerState From, BreakerState To)> _changes = [];

    [Fact]
    public void Closed_FailuresBelowTheLimitOrBrokenByASuccess_StaysClosed()
    {
        var breaker = Breaker(maxRequests: 1);

        Fail(breaker, 2);
        Succeed(breaker);
        Fail(breaker, 2);

        Assert.Empty(_changes);
    }

    [Fact]
    public void Closed_FailuresInARowAfterSuccesses_Opens()
    {
        var breaker = Breaker(maxRequests: 1);

        Succeed(breaker);
        Succeed(breaker);
        Fail(breaker, 3);

        Assert.Equal((BreakerState.Closed, BreakerState.Open), Assert.Single(_changes));
    }

    [Fact]
    public void Open_UntilItsTimeIsOver_RefusesEveryCall()
    {
        var breaker = Breaker(maxRequests: 1);
        Fail(breaker, 3);

        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("circuit breaker is open", Assert.Throws<BreakerRefusedException>(() => breaker.Enter()).Message);
        _clock.Advance(TimeSpan.FromTicks(1));
        breaker.Enter();

        Assert.Equal([(BreakerState.Closed, BreakerState.Open), (BreakerState.Open, BreakerState.HalfOpen)], _changes);
    }

    [Fact]
    public void HalfOpen_LetsOnlyItsProbesThroughAndClosesWhenAllSucceed()
    {
        var breaker = HalfOpen(maxRequests: 2);

        var (first, second) = (breaker.Enter(), breaker.Enter());
        Assert.Equal("too many requests", Assert.Throws<BreakerRefusedException>(() => breaker.Enter()).Message);
        breaker.Leave(first, success: true);
        Assert.Equal(BreakerState.HalfOpen, _changes[^1].To);
        breaker.Leave(second, success: true);

        Assert.Equal((BreakerState.HalfOpen, BreakerState.Closed), _changes[^1]);
    }

    [Fact]
    public void HalfOpen_OneFailure_OpensAgain()
    {
        var breaker = HalfOpen(maxRequests: 2);

        Fail(breaker, 1);

        Assert.Equal((BreakerState.HalfOpen, BreakerState.Open), _changes[^1]);
    }

    [Fact]
    public void Leave_CallOfAnEarlierGeneration_CountsForNothing()
    {
        var breaker = Breaker(maxRequests: 1);
        var slow = breaker.Enter();
        Fail(breaker, 3);
        _clock.Advance(TimeSpan.FromSeconds(11));
        var probe = breaker.Enter();

        breaker.Leave(slow, success: false);
        breaker.Leave(probe, success: true);

        Assert.Equal((BreakerState.HalfOpen, BreakerState.Closed), _changes[^1]);
    }

    [Fact]
    public void Closed_IntervalOver_ForgetsItsCounts()
    {
        var breaker = Breaker(maxRequests: 1, interval: TimeSpan.FromSeconds(5));
        Fail(breaker, 2);

        _clock.Advance(TimeSpan.FromSeconds(6));
        Fail(breaker, 2);
        Assert.Empty(_changes);
        Fail(breaker, 1);

        Assert.Equal((BreakerState.Closed, BreakerState.Open), Assert.Single(_changes));
    }

    [Theory]
    [InlineData("", 5, false)]
    [InlineData("", 6, true)]
    [InlineData("consecutiveFailures > 3", 3, false)]
    [InlineData("consecutiveFailures > 3", 4, true)]
    [InlineData("totalFailures>=3", 3, true)]
    [InlineData("requests == 2", 2, true)]
    public void TripRule_Comparison_Fires(string expression, int failures, bool fires)
    {
        var counts = new BreakerCounts(Requests: failures, TotalSuccesses: 0, TotalFailures: failures, ConsecutiveSuccesses: 0, ConsecutiveFailures: failures);

        Assert.Equal(fires, TripRule.Parse(expression).Fires(counts));
    }

    private CircuitBreaker HalfOpen(int maxRequests)
    {
        var breaker = Breaker(maxRequests);
        Fail(breaker, 3);
        _clock.Advance(TimeSpan.FromSeconds(11));
        return breaker;
    }

    private CircuitBreaker Breaker(int maxRequests, TimeSpan interval = default) => new(
        new BreakerSettings("test", maxRequests, interval, TimeSpan.FromSeconds(10), TripRule.Parse("consecutiveFailures >= 3")),
        _clock,
        (from, to) => _changes.Add((from, to)));

    private static void Fail(CircuitBreaker breaker, int times)
    {
        for (var i = 0; i < times; i++)
        {
            breaker.Leave(breaker.Enter(), success: false);
        }
    }

    private static void Succeed(CircuitBreaker breaker) => breaker.Leave(breaker.Enter(), success: true);
}
