using PointSystem.Locking.Combining;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>When a leader can expect its callers to return with another request.</summary>
public sealed class CrowdTests
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(10);

    private readonly Crowd _crowd = new(Window);
    private TimeSpan _now = TimeSpan.FromSeconds(1);

    /// <summary>Answers that many callers; some of them return at once, others later.</summary>
    private void Turn(int answered, int atOnce, int later = 0)
    {
        _crowd.Answered(answered, _now);
        Arrive(atOnce);
        _now += Window;
        Arrive(later);
        _now += Window;
    }

    private void Arrive(int callers)
    {
        for (var i = 0; i < callers; i++)
        {
            _crowd.Arrived(_now);
        }
    }

    [Fact]
    public void ComesBack_NothingSeenYet_No() => Assert.False(_crowd.ComesBack);

    [Theory]
    [InlineData(30, 30, 0, true)]
    [InlineData(30, 20, 0, true)]
    [InlineData(30, 10, 0, false)]
    [InlineData(30, 0, 30, false)]
    [InlineData(2, 2, 0, true)]
    [InlineData(1, 1, 0, false)]
    public void ComesBack_AfterSomeTurns_AsMostDid(int answered, int atOnce, int later, bool comesBack)
    {
        for (var turn = 0; turn < 8; turn++)
        {
            Turn(answered, atOnce, later);
        }
        Assert.Equal(comesBack, _crowd.ComesBack);
    }

    [Fact]
    public void ComesBack_TheyStopComing_IsUnlearnt()
    {
        for (var turn = 0; turn < 8; turn++)
        {
            Turn(30, 30);
        }
        for (var turn = 0; turn < 3; turn++)
        {
            Turn(30, 0);
        }
        Assert.False(_crowd.ComesBack);
    }

    [Fact]
    public void Answered_TheFirstOnesBackAreAnsweredMeanwhile_TheOthersStillCount()
    {
        for (var turn = 0; turn < 8; turn++)
        {
            _crowd.Answered(30, _now);
            Arrive(2);
            _crowd.Answered(2, _now += TimeSpan.FromMilliseconds(1));
            Arrive(28);
            _now += Window;
        }
        Assert.True(_crowd.ComesBack);
    }
}
