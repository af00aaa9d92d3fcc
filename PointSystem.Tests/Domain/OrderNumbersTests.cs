using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class OrderNumbersTests
{
    private const string Smile = "\U0001F600";

    public static TheoryData<string> Good => [
        "A",
        " A 1 ",
        "주문-1",
        "'; DROP TABLE points; --",
        new string('x', 100),
        new string('가', 100),
        string.Concat(Enumerable.Repeat(Smile, 100)),
    ];

    public static TheoryData<string> Bad => [
        string.Empty,
        " ",
        "\u3000\u00a0\t",
        new string(' ', 101),
        new string('x', 101),
        string.Concat(Enumerable.Repeat(Smile, 101)),
        new string('x', 10_240),
        "A\0",
        "A\n1",
        "A\u007f",
        "A\u0085",
        "A\u2029",
        "\u200b\u2060",
        "\u3164",
        "\u2800",
        "A\u200d1",
        "A\ufe0f",
        "\u202eA",
        "A\u2069",
        "A\U000E0041",
        string.Concat(Enumerable.Repeat("\u0958", 60)),
    ];

    [Theory]
    [InlineData("e\u0301", "\u00e9")]
    [InlineData("\u1100\u1161", "가")]
    [InlineData("\u212b", "\u00c5")]
    [InlineData("A1", "A1")]
    public void Check_AnyNormalizationForm_IsStoredComposed(string text, string stored)
    {
        Assert.Null(OrderNumbers.Check(text, out var orderNumber));
        Assert.Equal(stored, orderNumber);
    }

    [Fact]
    public void Check_DecomposedCharacters_AreCountedAfterComposition() =>
        Assert.Null(OrderNumbers.Check(string.Concat(Enumerable.Repeat("\u1100\u1161\u11a8", 100)), out _));

    [Theory]
    [MemberData(nameof(Good))]
    public void Check_UpToAHundredCharacters_IsAnOrderNumber(string text) => Assert.Null(OrderNumbers.Check(text, out _));

    [Theory]
    [InlineData(null)]
    [MemberData(nameof(Bad))]
    public void Check_AnythingElse_IsInvalid(string? text)
    {
        var error = OrderNumbers.Check(text, out _);
        Assert.Equal((PointErrorCodes.InvalidOrderNumber, PointErrorKind.Invalid, "orderNumber"), (error?.Code, error?.Kind, error?.Field));
    }

    // An unpaired surrogate cannot be encoded as UTF-8, so the database would fail. Built here, because such a text does not survive as
    // theory data.
    [Theory]
    [InlineData(0xD83D, false)]
    [InlineData(0xDE00, false)]
    [InlineData(0xD83D, true)]
    public void Check_UnpairedSurrogate_IsInvalid(int unit, bool last)
    {
        var text = last ? "A" + (char)unit : (char)unit + "A";
        Assert.Equal(PointErrorCodes.InvalidOrderNumber, OrderNumbers.Check(text, out _)?.Code);
    }
}
