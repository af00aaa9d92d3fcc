using System.Security.Cryptography;
using PointSystem.Domain.Points;

namespace PointSystem.Tests.Domain;

public sealed class PointKeyTests
{
    private static readonly byte[] Entropy = [.. Enumerable.Range(240, 16).Select(i => (byte)i)];

    [Theory]
    [InlineData(1, 27)]
    [InlineData(255, 27)]
    [InlineData(256, 28)]
    [InlineData(65_535, 28)]
    [InlineData(65_536, 30)]
    [InlineData(long.MaxValue, 36)]
    public void TryParse_CreatedKey_RoundTrips(long member, int length)
    {
        foreach (var type in Enum.GetValues<PointKeyType>())
        {
            var key = PointKey.Create(type, member, Entropy);
            Assert.Equal(length, key.Value.Length);
            Assert.True(key.Value.Length <= PointKey.LengthMax);
            Assert.True(PointKey.IsWellFormed(key.Value));
            Assert.True(PointKey.TryParse(key.Value, out var parsed));
            Assert.Equal(key, parsed);
            Assert.Equal((type, member, key.Value), (parsed.Type, parsed.MemberId, parsed.ToString()));
        }
    }

    [Fact]
    public void Create_OtherInput_GivesAnotherKey()
    {
        var other = (byte[])Entropy.Clone();
        other[15] ^= 1;
        string[] keys =
        [
            PointKey.Create(PointKeyType.Usage, 1, Entropy).Value, PointKey.Create(PointKeyType.Usage, 1, other).Value,
            PointKey.Create(PointKeyType.Usage, 2, Entropy).Value, PointKey.Create(PointKeyType.Transfer, 1, Entropy).Value,
        ];
        Assert.Equal(4, keys.Distinct().Count());
        Assert.Equal(["use_", "use_", "use_", "trf_"], keys.Select(key => key[..4]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Create_MemberIdNotPositive_Throws(long member) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PointKey.Create(PointKeyType.Usage, member, Entropy));

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    public void Create_OtherThanSixteenBytes_Throws(int bytes) =>
        Assert.Throws<ArgumentException>(() => PointKey.Create(PointKeyType.Usage, 1, new byte[bytes]));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("acc")]
    [InlineData("acc_")]
    [InlineData("acc_AAAA")]
    [InlineData("acc_!!!!!!!!!!!!!!!!!!!!!!!")]
    [InlineData("acc_가나다라마바사아자차카타파하가나다라마바사아자")]
    [InlineData("acc_\0AAAAAAAAAAAAAAAAAAAAAA")]
    public void TryParse_NotAKey_IsRefused(string? text) => AssertRefused(text);

    [Fact]
    public void TryParse_AnotherSpellingOfAKey_IsRefused()
    {
        // Every change that a lenient decoder accepts, for bodies with and without unused bits at the end.
        foreach (var member in new long[] { 1, 256, 65_536, long.MaxValue })
        {
            var key = PointKey.Create(PointKeyType.Accumulation, member, Entropy).Value;
            var body = key[4..];
            string[] others =
            [
                key + "=", key + "==", key + " ", " " + key, key + "\n", key.Insert(10, " "), key.Insert(10, "\r\n"), key[..^1] + ".", "acc_" + body[..20],
                "ACC_" + body, "acc-" + body, "xyz_" + body, body, "acc_" + "A" + body, "acc_AAAA" + body,
                "acc_" + body.Replace('-', '+').Replace('_', '/'), "acc_%2D" + body, key + key,
            ];
            Assert.All(others.Where(other => other != key), AssertRefused);
        }
    }

    [Fact]
    public void TryParse_UnusedBitsSet_IsRefused()
    {
        var key = PointKey.Create(PointKeyType.Usage, 1, Entropy).Value;
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var last = alphabet.IndexOf(key[^1], StringComparison.Ordinal);
        Assert.Equal(0, last % 4);
        Assert.All(Enumerable.Range(1, 3), bits => AssertRefused(key[..^1] + alphabet[last + bits]));
    }

    [Fact]
    public void TryParse_MemberIdZeroOrNegative_IsRefused()
    {
        AssertRefused("acc_" + Convert.ToBase64String([0, .. Entropy]).TrimEnd('=').Replace('+', '-').Replace('/', '_'));
        AssertRefused("acc_" + Convert.ToBase64String([0, 1, .. Entropy]).TrimEnd('=').Replace('+', '-').Replace('/', '_'));
        AssertRefused("acc_" + Convert.ToBase64String([128, 0, 0, 0, 0, 0, 0, 0, .. Entropy]).TrimEnd('=').Replace('+', '-').Replace('/', '_'));
        AssertRefused("acc_" + Convert.ToBase64String(Entropy).TrimEnd('=').Replace('+', '-').Replace('/', '_'));
    }

    [Fact]
    public void TryParse_EveryLengthOfEveryCharacter_NeverThrows()
    {
        foreach (var c in Enumerable.Range(0, 300).Select(i => (char)i))
        {
            foreach (var text in Enumerable.Range(0, 45).Select(length => "use_" + new string(c, length)))
            {
                Assert.Equal(PointKey.TryParse(text, out var key), key.Value == text);
            }
        }
    }

    [Fact]
    public void Create_RandomBytes_NeverCollideInOneMember() =>
        Assert.Equal(
            10_000,
            Enumerable.Range(0, 10_000)
                .Select(_ => PointKey.Create(PointKeyType.Usage, 1, RandomNumberGenerator.GetBytes(PointKey.EntropyBytes)).Value)
                .Distinct()
                .Count());

    [Theory]
    [InlineData("acc_A-9", true)]
    [InlineData("acc_A+9", false)]
    [InlineData("acc/..", false)]
    [InlineData("가", false)]
    [InlineData("", false)]
    public void IsWellFormed_OnlyUrlSafeCharacters(string text, bool expected)
    {
        Assert.Equal(expected, PointKey.IsWellFormed(text));
        Assert.Equal(expected, PointKey.IsWellFormed(text.PadRight(100, text.LastOrDefault('+'))));
        Assert.False(PointKey.IsWellFormed(text.PadRight(101, 'A')));
    }

    private static void AssertRefused(string? text)
    {
        Assert.False(PointKey.TryParse(text, out var key));
        Assert.Equal(default, key);
    }
}
