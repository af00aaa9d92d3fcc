using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;

namespace PointSystem.Tests.Features;

public sealed class CursorTests
{
    [Fact]
    public void TryRead_AnyCharacterChanged_IsRefused()
    {
        var cursor = Cursor.Write("list", 1, 20_000, long.MaxValue, 7);
        var parts = new long[4];
        Assert.True(Cursor.TryRead("list", cursor, parts));
        Assert.Equal([1, 20_000, long.MaxValue, 7], parts);
        Assert.False(Cursor.TryRead("another list", cursor, parts));
        Assert.False(Cursor.TryRead("list", cursor + "A", parts));
        for (var i = 0; i < cursor.Length; i++)
        {
            var changed = cursor[..i] + (cursor[i] == 'A' ? 'B' : 'A') + cursor[(i + 1)..];
            Assert.False(Cursor.TryRead("list", changed, parts), changed);
        }
    }

    /// <summary>Any text of any length is refused, never an exception.</summary>
    [Fact]
    public void TryRead_AnyText_NeverThrows()
    {
        const string Characters = "AZaz09-_.=+/% \n\0é가\ud800";
        var random = new Random(20261126);
        for (var i = 0; i < 20_000; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(60)).Select(_ => Characters[random.Next(Characters.Length)])]);
            Assert.False(Cursor.TryRead("list", text, new long[1]), text);
            Assert.False(DrawPosition.TryRead("list", text, out _), text);
        }
    }

    [Theory]
    [InlineData("2026-03-01T09:00:00+09:00", "2026-03-01T00:00:00Z")]
    [InlineData("2026-03-01T09:00:00 09:00", "2026-03-01T00:00:00Z")]
    [InlineData("2026-03-01T00:00Z", "2026-03-01T00:00:00Z")]
    [InlineData("2026-03-01t00:00:00z", "2026-03-01T00:00:00Z")]
    [InlineData("2026-03-01T00:00:00.1Z", "2026-03-01T00:00:00.1Z")]
    [InlineData("2026-03-01T00:00:00.123456789Z", "2026-03-01T00:00:00.1234567Z")]
    [InlineData("2026-03-01T00:00:00.99999999999999999999999999999999-00:00", "2026-03-01T00:00:00.9999999Z")]
    [InlineData("2026-03-01T23:59:00+23:59", "2026-03-01T00:00:00Z")]
    [InlineData("2026-03-01T00:00:00-23:59", "2026-03-01T23:59:00Z")]
    [InlineData("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z")]
    [InlineData("2017-01-01T08:59:60.5+09:00", "2016-12-31T23:59:59.999999Z")]
    [InlineData("0001-01-01T00:00:00+09:00", "0001-01-01T00:00:00Z")]
    [InlineData("9999-12-31T23:59:59-09:00", "9999-12-31T23:59:59.9999999Z")]
    public void TryReadInstant_WithOffset_IsRead(string text, string expected)
    {
        Assert.True(PastMoment.TryReadInstant(text, out var instant));
        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), instant);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Z")]
    [InlineData("yesterday")]
    [InlineData("2026-03-01T00:00:00")]
    [InlineData("2026-02-30T00:00:00Z")]
    [InlineData("2026-03-01T00:00:00+99:00")]
    [InlineData("2026-03-01T00:00:00+24:00")]
    [InlineData("2026-03-01T00:00:00+09:60")]
    [InlineData("2026-03-01T00:00:00+0900")]
    [InlineData("2026-03-01T24:00:00Z")]
    [InlineData("2026-03-01T00:60:00Z")]
    [InlineData("2026-03-01T00:00:61Z")]
    [InlineData("2026-03-01T00:00:60Z")]
    [InlineData("2026-12-30T23:59:60Z")]
    [InlineData("2026-12-31T23:59:60+09:00")]
    [InlineData("2026-03-01T00:00:00.Z")]
    [InlineData("2026-03-01T00:00:00,5Z")]
    [InlineData("2026-03-01T00:00:00Z\n")]
    [InlineData("２０２６-03-01T00:00:00Z")]
    [InlineData("0000-01-01T00:00:00Z")]
    public void TryReadInstant_NotAnInstant_IsRefused(string text) => Assert.False(PastMoment.TryReadInstant(text, out _));

    [Theory]
    [InlineData("America/New_York")]
    [InlineData("Asia/Seoul")]
    public void Of_EndsOfTheCalendar_DoNotThrow(string zone)
    {
        var info = TimeZoneInfo.FindSystemTimeZoneById(zone);
        Assert.Equal(1, PastMoment.Of(DateTimeOffset.MinValue, info).Date.Year);
        Assert.Equal(9999, PastMoment.Of(DateTimeOffset.MaxValue, info).Date.Year);
        Assert.Equal(new DateOnly(1, 1, 1), PastMoment.EndOf(new DateOnly(1, 1, 1), info).Date);
    }
}
