using PointSystem.Local;
using PointSystem.Local.Runner;

namespace PointSystem.Tests.Local;

public sealed class RunnerOptionsTests
{
    [Fact]
    public void Parse_Nothing_HasTheDocumentedDefaults()
    {
        var options = Parse();

        Assert.Equal(3, options.Cluster.Replicas);
        Assert.Equal(8080, options.Cluster.Port);
        Assert.False(options.Cluster.Fresh);
        Assert.False(options.Cluster.Dashboard);
        Assert.Null(options.Cluster.ConnectionString);
    }

    [Fact]
    public void Parse_ValueAfterSpaceOrEqualsSign_IsTheSame()
    {
        var options = Parse("--replicas", "5", "--port=9000", "--data=/a=b", "--fresh", "--dashboard");

        Assert.Equal(5, options.Cluster.Replicas);
        Assert.Equal(9000, options.Cluster.Port);
        Assert.Equal("/a=b", options.Cluster.DataDirectory);
        Assert.True(options.Cluster.Fresh);
        Assert.True(options.Cluster.Dashboard);
    }

    [Fact]
    public void Parse_ConnectionStringGivenTwice_OptionBeatsEnvironment()
    {
        var options = RunnerOptions.Parse(["--connection-string", "Host=a"], _ => "Host=b");

        Assert.Equal("Host=a", options.Cluster.ConnectionString);
    }

    [Theory]
    [InlineData("--replicas must be a whole number from 1 to 16", "--replicas", "0")]
    [InlineData("--replicas must be a whole number from 1 to 16", "--replicas", "17")]
    [InlineData("--replicas must be a whole number from 1 to 16", "--replicas", "three")]
    [InlineData("--port must be a whole number from 0 to 65535", "--port", "65536")]
    [InlineData("--port must be a whole number from 0 to 65535", "--port", "-1")]
    [InlineData("--replicas needs a value", "--replicas")]
    [InlineData("--data needs a value", "--data", "--fresh")]
    [InlineData("--fresh takes no value", "--fresh=yes")]
    [InlineData("did you mean --port?", "--prot", "1")]
    [InlineData("Unknown option here", "here")]
    [InlineData("--fresh deletes only data directories of our own", "--fresh", "--connection-string", "Host=a")]
    public void Parse_WrongOption_SaysWhatIsWrong(string sentence, params string[] arguments)
    {
        var error = Assert.Throws<LocalException>(() => Parse(arguments));

        Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ForAHostWithOptionsOfItsOwn_HandsOnWhatIsUnknownAndChecksTheRest()
    {
        var others = new List<string>();

        var options = RunnerOptions.Parse(["--operation", "publish", "--replicas", "5", "--Section:Key=1"], _ => null, others);

        Assert.Equal(5, options.Cluster.Replicas);
        Assert.Equal(["--operation", "publish", "--Section:Key=1"], others);
        Assert.Throws<LocalException>(() => RunnerOptions.Parse(["--replicas", "0"], _ => null, others));
    }

    [Fact]
    public void Parse_Help_IsNotSpoiltByOtherOptions() => Assert.True(Parse("--replicas", "99", "-h").Help);

    private static RunnerOptions Parse(params string[] arguments) => RunnerOptions.Parse(arguments, _ => null);
}
