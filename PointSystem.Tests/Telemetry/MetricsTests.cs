using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;

namespace PointSystem.Tests.Telemetry;

/// <summary>The metrics that a replica of a running cluster serves to Prometheus, and those of the gateway.</summary>
public sealed partial class MetricsTests(ClusterFixture clusters)
{
    /// <summary>Only replicas with a broker have it; its tests look for it.</summary>
    internal const string OfBrokers = "pointsystem_events_sink_lag_seconds";

    /// <summary>Those of the service that sends notifications; its tests look for them.</summary>
    internal const string OfNotifications = "pointsystem_notifications_";

    [Fact]
    public async Task Scrape_AfterWrites_HasEverySeriesOfTheAlerts()
    {
        var lines = (await ScrapeAsync()).Split('\n');
        var alerts = await File.ReadAllTextAsync(Path.Combine(BuildOutputs.Repository, "deploy", "prometheus", "alerts.yml"), Token);
        var selectors = Selector().Matches(alerts).Where(match => !alerts[..match.Index].Split('\n')[^1].TrimStart().StartsWith('#')).ToList();

        Assert.True(selectors.Count >= 8, "The alerts were not read.");
        foreach (var selector in selectors.Where(one =>
            one.Groups["name"].Value != OfBrokers && !one.Groups["name"].Value.StartsWith(OfNotifications, StringComparison.Ordinal)))
        {
            var series = lines.Where(line => line.StartsWith(selector.Groups["name"].Value + "{", StringComparison.Ordinal)).ToList();
            Assert.True(series.Count > 0, $"No {selector.Groups["name"].Value}");
            foreach (Match label in Label().Matches(selector.Groups["labels"].Value))
            {
                // For excluded values the label alone is enough, because a histogram has no series for what never happened.
                string[] values = label.Groups["how"].Value.StartsWith('!') ? [""] : label.Groups["values"].Value.Split('|');
                Assert.All(values, value => Assert.Contains(
                    series, line => line.Contains($"{label.Groups["name"].Value}=\"{value}", StringComparison.Ordinal)));
            }
        }
    }

    [Fact]
    public async Task Scrape_CheckedByPromtool_IsValid()
    {
        var promtool = Needs.Program("promtool");
        var metrics = await ScrapeAsync();
        using var process = Process.Start(new ProcessStartInfo(promtool, ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardError = true })!;
        await process.StandardInput.WriteAsync(metrics);
        process.StandardInput.Close();

        var errors = await process.StandardError.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);

        // Exit code 3 means warnings about metric names, which is accepted for other libraries' metrics. There must be none about ours.
        Assert.True(process.ExitCode is 0 or 3, errors);
        Assert.DoesNotContain("pointsystem_", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/%6Detrics")]
    [InlineData("/api/../metrics")]
    public async Task Gateway_Metrics_AreItsOwn(string path)
    {
        var cluster = await clusters.GetAsync(Token);
        using var http = new HttpClient();
        var url = new Uri(
            cluster.GatewayUrl.GetLeftPart(UriPartial.Authority) + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

        var metrics = await http.GetStringAsync(url, Token);

        Assert.Contains("dotnet_process_cpu_time", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("pointsystem_lock", metrics, StringComparison.Ordinal);
    }

    private async Task<string> ScrapeAsync()
    {
        var cluster = await clusters.GetAsync(Token);
        var replica = cluster.Replicas[0];
        using var client = new PointsClient(replica.Url);
        var member = await client.CreateMemberAsync(1_000);
        (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created);
        return (await client.GetAsync("/metrics")).Expect(HttpStatusCode.OK).Text;
    }

    [GeneratedRegex(@"(?<name>pointsystem_\w+)(\{(?<labels>[^}]*)\})?")]
    private static partial Regex Selector();

    [GeneratedRegex(@"(?<name>\w+)(?<how>=~|!~|!=|=)""(?<values>[^""]*)""")]
    private static partial Regex Label();
}
