using PointSystem.Locking.Combining;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>When a leader can expect its callers to return with another request.</summary>
public sealed class CallerReturnRateTests
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(10);

    private readonly CallerReturnRate _rate = new(Window);
    private TimeSpan _now = TimeSpan.FromSeconds(1);

    /// <summary>Answers that many callers; some of them return at once, others later.</summary>
    private void Turn(int answered, int atOnce, int later = 0)
    {
        _rate.Answered(answered, _now);
        Arrive(atOnce);
        _now += Window;
        Arrive(later);
        _now += Window;
    }

    private void Arrive(int callers)
    {
        for (var i = 0; i < callers; i++)
        {
            _rate.Arrived(_now);
        }
    }

    [Fact]
    public void IsHigh_NothingSeenYet_No() => Assert.False(_rate.IsHigh);

    [Theory]
    [InlineData(30, 30, 0, true)]
    [InlineData(30, 20, 0, true)]
    [InlineData(30, 10, 0, false)]
    [InlineData(30, 0, 30, false)]
    [InlineData(2, 2, 0, true)]
    [InlineData(1, 1, 0, false)]
    public void IsHigh_AfterSomeTurns_AsMostDid(int answered, int atOnce, int later, bool comesBack)
    {
        for (var turn = 0; turn < 8; turn++)
        {
            Turn(answered, atOnce, later);
        }
        Assert.Equal(comesBack, _rate.IsHigh);
    }

    [Fact]
    public void IsHigh_TheyStopComing_IsUnlearnt()
    {
        for (var turn = 0; turn < 8; turn++)
        {
            Turn(30, 30);
        }
        for (var turn = 0; turn < 3; turn++)
        {
            Turn(30, 0);
        }
        Assert.False(_rate.IsHigh);
    }

    [Fact]
    public void Answered_TheFirstOnesBackAreAnsweredMeanwhile_TheOthersStillCount()
    {
        for (var turn = 0; turn < 8; turn++)
        {
            _rate.Answered(30, _now);
            Arrive(2);
            _rate.Answered(2, _now += TimeSpan.FromMilliseconds(1));
            Arrive(28);
            _now += Window;
        }
        Assert.True(_rate.IsHigh);
    }
}
