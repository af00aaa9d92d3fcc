using System.Diagnostics;
using System.Text.Json.Nodes;
using PointSystem.Domain.Points;
using PointSystem.Local.Processes;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests;

public sealed class SolutionTests : IDisposable
{
    private readonly string _cache = Directory.CreateTempSubdirectory("points-cache-").FullName;

    [Fact]
    public void Domain_References_NothingButTheRuntime() =>
        Assert.All(
            typeof(PointKind).Assembly.GetReferencedAssemblies(),
            reference => Assert.StartsWith("System.", reference.Name, StringComparison.Ordinal));

    [Fact]
    public async Task Aspire_UnlessAskedFor_IsUsedWhereItsSdkOfJustThisVersionLiesInTheCache()
    {
        var without = await EvaluateAsync();
        Assert.Equal(("false", "false"), (without["Aspire"], without["AspireDapr"]));

        Directory.CreateDirectory(Path.Combine(_cache, "aspire.apphost.sdk", without["AspireSdkVersion"] + ".1"));
        Assert.Equal("false", (await EvaluateAsync())["Aspire"]);

        Directory.CreateDirectory(Path.Combine(_cache, "aspire.apphost.sdk", without["AspireSdkVersion"]));
        var with = await EvaluateAsync();
        Assert.Equal(("true", "false"), (with["Aspire"], with["AspireDapr"]));
        Assert.Equal("false", (await EvaluateAsync("-p:Aspire=false"))["Aspire"]);
    }

    [Fact]
    public async Task Aspire_WhenAskedFor_IsUsedWithTheToolkitForDaprUnlessThatIsDeclined()
    {
        var asked = await EvaluateAsync("-p:Aspire=true");
        Assert.Equal(("true", "true"), (asked["Aspire"], asked["AspireDapr"]));
        Assert.Equal("false", (await EvaluateAsync("-p:Aspire=true", "-p:AspireDapr=false"))["AspireDapr"]);
    }

    public void Dispose() => Directory.Delete(_cache, recursive: true);

    // Of a project that imports no SDK but the usual one, so that it can be evaluated without Aspire's.
    private async Task<IReadOnlyDictionary<string, string>> EvaluateAsync(params string[] options)
    {
        var project = Path.Combine(Programs.Repository, "PointSystem.Domain", "PointSystem.Domain.csproj");
        var start = new ProcessStartInfo(DotnetHost.Path, ["msbuild", project, "-getProperty:Aspire,AspireDapr,AspireSdkVersion", .. options])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["NUGET_PACKAGES"] = _cache;
        start.Environment.Remove("Aspire");
        start.Environment.Remove("AspireDapr");
        using var msbuild = Process.Start(start)!;
        var text = await msbuild.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        return JsonNode.Parse(text)!["Properties"]!.AsObject().ToDictionary(property => property.Key, property => (string)property.Value!);
    }
}
