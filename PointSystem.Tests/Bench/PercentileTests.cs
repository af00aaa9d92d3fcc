using PointSystem.Bench.Load;
using PointSystem.Bench.Stats;

namespace PointSystem.Tests.Bench;

public sealed class PercentileTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(50, 50)]
    [InlineData(95, 95)]
    [InlineData(99, 99)]
    [InlineData(99.5, 100)]
    [InlineData(100, 100)]
    public void Of_OneToHundred_IsTheNearestRank(double percent, long expected) =>
        Assert.Equal(expected, Percentile.Of<long>([.. Enumerable.Range(1, 100).Select(value => (long)value)], percent));

    [Theory]
    [InlineData(50, 3)]
    [InlineData(99, 5)]
    [InlineData(20, 1)]
    [InlineData(20.1, 2)]
    public void Of_Five_IsAlwaysAMeasuredValue(double percent, int expected) => Assert.Equal(expected, Percentile.Of([1, 2, 3, 4, 5], percent));

    [Fact]
    public void Of_AThousandValues_IsNotOffByARoundingError() =>
        Assert.Equal(999, Percentile.Of<int>([.. Enumerable.Range(1, 1000)], 99.9));

    [Fact]
    public void Of_NoValues_Throws() => Assert.Throws<ArgumentException>(() => Percentile.Of<int>([], 50));

    [Theory]
    [InlineData(0)]
    [InlineData(100.1)]
    public void Of_OutsideTheRange_Throws(double percent) => Assert.Throws<ArgumentOutOfRangeException>(() => Percentile.Of([1], percent));

    [Fact]
    public void Spread_EvenNumberOfRounds_HasTheMeanOfTheMiddleTwo() => Assert.Equal(new Spread(2.5, 1, 9), Spread.Of([9, 1, 2, 3]));

    [Fact]
    public void Zipf_Members_AreDrawnInProportionToTheirWeights()
    {
        var members = new Members.Zipf(10, Members.Zipf.Weights(3, 1), seed: 1);
        var counts = Enumerable.Range(0, 110_000).Select(_ => members.Next()).CountBy(member => member).ToDictionary();

        Assert.Equal([10L, 11L, 12L], counts.Keys.Order());
        Assert.InRange(counts[10], 58_000, 62_000);
        Assert.InRange(counts[11], 28_500, 31_500);
        Assert.InRange(counts[12], 18_500, 21_500);
    }
}
