using PointSystem.Locking;
using PointSystem.Locking.Keys;

namespace PointSystem.Tests.Locking;

public sealed class LockKeyTemplateTests
{
    public sealed record Command(long MemberId, string PointKey, Guid Id, long? Perhaps, object Thing)
    {
        public long this[int index] => index;

        private long Hidden { get; init; }
    }

    [Theory]
    [InlineData("point:use:member:{MemberID}", "'MemberID' is not a readable public property")]
    [InlineData("point:use:member:{Hidden}", "'Hidden' is not a readable public property")]
    [InlineData("point:use:member:{MemberId", "the brace at position 17 has no match")]
    [InlineData("point:use:member:MemberId}", "the brace at position 25 has no match")]
    [InlineData("point:use:member:{}", "a pair of braces is empty")]
    [InlineData("point:use:member:{{MemberId}}", "braces are nested")]
    [InlineData("point::member:{MemberId}", "a segment between its colons is empty")]
    [InlineData("point:use:member:", "a segment between its colons is empty")]
    [InlineData("point||use:{MemberId}", "'||' is Dapr's own separator")]
    [InlineData("point:use member:{MemberId}", "it contains white space")]
    [InlineData("{MemberId}", "it must start with its operation")]
    [InlineData("point:use:{Perhaps}", "'Perhaps' is a Nullable`1")]
    [InlineData("point:use:{Thing}", "'Thing' is a Object")]
    [InlineData("", "it is empty")]
    public void Parse_BrokenTemplate_SaysWhatIsWrong(string template, string problem)
    {
        var failure = Assert.Throws<LockTemplateException>(() => LockKeyTemplate.Parse(template, typeof(Command)));
        Assert.Contains(problem, failure.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(Command), failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("point:use:member:{MemberId}", "point:use:member")]
    [InlineData("point:cancel:usage:{PointKey}:{MemberId}", "point:cancel:usage")]
    [InlineData("point:job:expiry", "point:job:expiry")]
    public void Parse_GoodTemplate_NamesItsOperation(string template, string operation) =>
        Assert.Equal(operation, LockKeyTemplate.Parse(template, typeof(Command)).Operation);

    [Theory]
    [InlineData("point:use:member:{MemberId}", "point:use:member:-42")]
    [InlineData("point:{PointKey}:member:{MemberId}:{Id}", "point:k%7C%7C1:member:-42:00000000-0000-0000-0000-000000000000")]
    [InlineData("point:job:expiry", "point:job:expiry")]
    public void KeyFor_Command_FillsInTheTemplate(string template, string key)
    {
        using var culture = new CultureScope("sv-SE");
        var compiled = new CommandLock<Command>(LockKeyTemplate.Parse(template, typeof(Command)), new LockOptions());
        Assert.Equal(key, compiled.KeyFor(new Command(-42, "k||1", Guid.Empty, null, "")));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void KeyFor_EmptyProperty_IsRefused(string? pointKey)
    {
        var compiled = new CommandLock<Command>(LockKeyTemplate.Parse("point:cancel:usage:{PointKey}", typeof(Command)), new LockOptions());
        var failure = Assert.Throws<ArgumentException>(() => compiled.KeyFor(new Command(1, pointKey!, Guid.Empty, null, "")));
        Assert.Contains("Command.PointKey is empty", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Order_Keys_SortByNumberThenByText()
    {
        string[] ordered =
        [
            "point:use:member:0", "a:x:7", "b:x:007", "b:x:7", "point:accumulate:member:10", "point:use:member:10",
            "point:use:member:99999999999999999999999", "point:accumulate:member:", "point:cancel:usage:1a", "point:cancel:usage:a9", "zeta",
        ];
        var shuffled = ordered.ToArray();
        for (var seed = 0; seed < 50; seed++)
        {
            new Random(seed).Shuffle(shuffled);
            Array.Sort(shuffled, LockKeyOrder.Instance);
            Assert.Equal(ordered, shuffled);
        }
    }

    private sealed class CultureScope : IDisposable
    {
        private readonly System.Globalization.CultureInfo _before = System.Globalization.CultureInfo.CurrentCulture;

        // The minus sign of sv-SE is not the ASCII hyphen. A key must not depend on the culture of a replica.
        public CultureScope(string name) => System.Globalization.CultureInfo.CurrentCulture = new(name);

        public void Dispose() => System.Globalization.CultureInfo.CurrentCulture = _before;
    }
}
