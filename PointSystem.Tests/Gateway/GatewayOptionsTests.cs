using Microsoft.Extensions.Configuration;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

public sealed class GatewayOptionsTests
{
    [Fact]
    public void Read_Nothing_IsTheDefault() => AssertOptions(Affinity.Member, 1.25, 32, Read());

    [Fact]
    public void Read_Everything_IsWhatWasSet() =>
        AssertOptions(Affinity.None, 1.5, 1, Read(("Gateway:Affinity", "none"), ("Gateway:LoadBound", "1.5"), ("Gateway:LoadFloor", "1")));

    [Theory]
    [InlineData("Affinity", "1")]
    [InlineData("Affinity", "Path")]
    [InlineData("LoadBound", "1")]
    [InlineData("LoadBound", "10.1")]
    [InlineData("LoadBound", "1,25")]
    [InlineData("LoadBound", "NaN")]
    [InlineData("LoadFloor", "0")]
    [InlineData("LoadFloor", "10001")]
    [InlineData("LoadFloor", "many")]
    public void Create_ValueThatIsNone_EndsBeforeItListensAndNamesTheKey(string key, string value)
    {
        var fault = Assert.Throws<GatewayFaultException>(() => GatewayApplication.Create([$"--Gateway:{key}={value}"], new ReplicaSet()));

        Assert.StartsWith($"Gateway:{key} must be ", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith($", not '{value}'.", fault.Message, StringComparison.Ordinal);
    }

    private static void AssertOptions(Affinity affinity, double bound, int floor, GatewayOptions options) =>
        Assert.Equal((affinity, bound, floor), (options.Affinity, options.LoadBound, options.LoadFloor));

    private static GatewayOptions Read(params (string Key, string? Value)[] configuration) => GatewayOptions.Read(
        new ConfigurationBuilder().AddInMemoryCollection(configuration.Select(entry => KeyValuePair.Create(entry.Key, entry.Value))).Build());
}
