using PointSystem.Local.Sidecar;

namespace PointSystem.Tests.Sidecar;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData("250", 250)]
    [InlineData("250ms", 250)]
    [InlineData("3s", 3_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("500us", 0.5)]
    [InlineData("0", 0)]
    [InlineData("-1", -1)]
    [InlineData("-2s", -2_000)]
    public void Parse_Duration_IsRead(string text, double milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), GoDuration.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("3 s")]
    [InlineData("3sec")]
    [InlineData("1s2")]
    public void Parse_AnythingElse_IsRefused(string text) => Assert.Throws<FormatException>(() => GoDuration.Parse(text));
}
