namespace PointSystem.Tests.Local;

public sealed class BackoffTests
{
    [Fact]
    public void Next_DiesAgainAndAgain_DoublesUpToTenSeconds()
    {
        var backoff = new Backoff();

        var waits = Enumerable.Range(0, 8).Select(_ => backoff.Next(TimeSpan.FromSeconds(1)).TotalMilliseconds);

        Assert.Equal([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000], waits);
    }

    [Fact]
    public void Next_RanWellForThirtySeconds_StartsOver()
    {
        var backoff = new Backoff();
        backoff.Next(TimeSpan.Zero);
        backoff.Next(TimeSpan.Zero);

        Assert.Equal(TimeSpan.FromMilliseconds(250), backoff.Next(TimeSpan.FromSeconds(30)));
        Assert.Equal(TimeSpan.FromMilliseconds(500), backoff.Next(TimeSpan.Zero));
    }
}
