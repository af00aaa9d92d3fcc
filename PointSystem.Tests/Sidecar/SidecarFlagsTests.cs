using System.Net;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Sidecar;

namespace PointSystem.Tests.Sidecar;

public sealed class SidecarFlagsTests
{
    [Fact]
    public void Parse_EveryNotation_IsAccepted()
    {
        var flags = SidecarFlags.Parse(
        [
            "--app-id", "points", "-dapr-http-port=3600", "--dapr-grpc-port=3601", "-resources-path", "a,b", "--resources-path=c",
            "--log-level", "WARN", "--dapr-listen-addresses", "127.0.0.1,[::1]", "--exit-with-stdin", "--app-port", "8080", "-enable-metrics=false",
        ]);

        Assert.Equal(("points", 3600, 3601, LogLevel.Warning, true), (flags.AppId, flags.HttpPort, flags.GrpcPort, flags.LogLevel, flags.ExitWithStdin));
        Assert.Equal(["a", "b", "c"], flags.ResourcesPaths);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], flags.ListenAddresses);
        Assert.Equal(["--app-port", "--enable-metrics"], flags.Ignored);
    }

    [Fact]
    public void Parse_OnlyTheAppId_UsesDaprsDefaultPortsOnLoopback()
    {
        var flags = SidecarFlags.Parse(["--app-id", "points"]);

        Assert.Equal((3500, 50001, LogLevel.Information, false), (flags.HttpPort, flags.GrpcPort, flags.LogLevel, flags.ExitWithStdin));
        Assert.Equal([IPAddress.Loopback], flags.ListenAddresses);
    }

    [Fact]
    public void Spec_OfALauncher_HasAConfigurationThatIsThere()
    {
        var spec = new SidecarSpecs(SidecarSpecs.ChoiceStandIn, BuildOutputs.Components, "127.0.0.1:6379").Spec("sidecar", 3500, 50001);

        var arguments = spec.Arguments.SkipWhile(argument => argument != "--app-id").ToList();
        var flags = SidecarFlags.Parse(arguments);

        Assert.Contains("--config", arguments);
        Assert.Empty(flags.Ignored);
        Assert.Equal("400", spec.Environment["GOGC"]);
    }

    [Theory]
    [InlineData("--app-id is missing")]
    [InlineData("--app-id needs a value", "--app-id")]
    [InlineData("--app-id needs a value", "--app-id", "--app-port", "8080")]
    [InlineData("needs a port", "--app-id", "x", "--dapr-http-port", "0")]
    [InlineData("needs a port", "--app-id", "x", "--dapr-grpc-port", "65536")]
    [InlineData("--log-level must be", "--app-id", "x", "--log-level", "loud")]
    [InlineData("is not an IP address", "--app-id", "x", "--dapr-listen-addresses", "here")]
    [InlineData("is not a flag", "points")]
    [InlineData("--config needs a value", "--app-id", "x", "--config")]
    [InlineData("--config: the file", "--app-id", "x", "--config", "missing.yaml")]
    public void Parse_InvalidFlag_SaysWhatIsWrong(string sentence, params string[] args) =>
        Assert.Contains(sentence, Assert.Throws<SidecarStartException>(() => SidecarFlags.Parse(args)).Message, StringComparison.Ordinal);
}
