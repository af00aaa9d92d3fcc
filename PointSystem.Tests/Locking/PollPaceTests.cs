using PointSystem.Locking;

namespace PointSystem.Tests.Locking;

public sealed class PollPaceTests
{
    private static readonly LockingOptions Options = new() { PollMin = TimeSpan.FromMilliseconds(3), PollMax = TimeSpan.FromMilliseconds(50) };

    private readonly PollPace _pace = new(Options);

    [Theory]
    [InlineData(0, 1, 12)]
    [InlineData(79, 1, 12)]
    [InlineData(80, 1, 6)]
    [InlineData(999, 2, 12)]
    [InlineData(1_000, 1, 50)]
    [InlineData(0, 5, 50)]
    [InlineData(500, 1_000, 50)]
    public void Bounds_ByWaitAndKeys_HaveTheExpectedMaximum(int waitedMs, int keys, int maxMs)
    {
        var bounds = _pace.Bounds(TimeSpan.FromMilliseconds(waitedMs), keys);

        Assert.Equal((Options.PollMin, TimeSpan.FromMilliseconds(maxMs)), bounds);
    }

    [Fact]
    public void Next_AnyWaitAndKeys_StaysWithinTheOptions()
    {
        var polls = Enumerable.Range(0, 10).Select(_ => _pace.Start()).ToList();
        for (var round = 0; round < 1_000; round++)
        {
            foreach (var poll in polls)
            {
                Assert.InRange(poll.Next(TimeSpan.FromMilliseconds(round)), Options.PollMin, Options.PollMax);
            }
        }

        Assert.Equal(10, _pace.Keys);
        Assert.Equal(TimeSpan.FromMilliseconds(53), _pace.HandOver);
        polls.ForEach(poll => poll.Dispose());
        Assert.Equal(0, _pace.Keys);
        Assert.Equal(TimeSpan.FromMilliseconds(15), _pace.HandOver);
    }
}
