using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace PointSystem.Tests.Deploy;

/// <summary>Every metric on the dashboard is served by a replica or the gateway, with the labels that the dashboard uses.</summary>
public sealed partial class GrafanaTests(ClusterFixture clusters)
{
    private static readonly JsonNode Dashboard =
        JsonNode.Parse(File.ReadAllText(Path.Combine(BuildOutputs.Repository, "deploy", "grafana", "pointsystem.json")))!;

    private static readonly IReadOnlyList<JsonNode> Panels = [.. Dashboard["panels"]!.AsArray().Select(panel => panel!)];

    [Fact]
    public void Panels_All_HaveADistinctIdAndPlace()
    {
        Assert.Distinct(Panels.Select(panel => (int)panel["id"]!));
        Assert.Distinct(Panels.Select(panel => (string)panel["title"]!));
        var cells = Panels.SelectMany(panel =>
        {
            var place = panel["gridPos"]!;
            Assert.True((int)place["x"]! + (int)place["w"]! <= 24, (string)panel["title"]!);
            return
                from x in Enumerable.Range((int)place["x"]!, (int)place["w"]!)
                from y in Enumerable.Range((int)place["y"]!, (int)place["h"]!)
                select (x, y);
        });
        Assert.Distinct(cells);
    }

    [Fact]
    public async Task Expressions_All_UseMetricsAndLabelsThatAreServed()
    {
        var expressions = Panels.SelectMany(panel => panel["targets"]?.AsArray().Select(target => (string)target!["expr"]!) ?? [])
            .Append((string)Dashboard["templating"]!["list"]!.AsArray().Single(variable => (string)variable!["type"]! == "query")!["definition"]!).ToList();
        var served = await ScrapeAsync();

        Assert.True(expressions.Count > 20, "The expressions were not read.");
        Assert.All(expressions.SelectMany(expression => Selector().Matches(Grouping().Replace(expression, ""))), selector =>
        {
            var name = selector.Groups["name"].Value;
            var series = served.Where(line => line.StartsWith(name + "{", StringComparison.Ordinal)).ToList();
            Assert.True(series.Count > 0, $"No {name}");
            // Prometheus adds the instance itself.
            foreach (Match label in Label().Matches(selector.Groups["labels"].Value).Where(label => label.Groups["name"].Value != "instance"))
            {
                Assert.Contains(series, line => line.Contains(label.Groups["name"].Value + "=\"", StringComparison.Ordinal));
            }
        });
        var groupings = expressions.SelectMany(expression => Grouping().Matches(expression)).SelectMany(by => by.Groups["labels"].Value.Split(", "));
        Assert.All(groupings.Except(["instance"]), label =>
            Assert.Contains(served, line => line.Contains(label + "=\"", StringComparison.Ordinal)));
    }

    private async Task<string[]> ScrapeAsync()
    {
        var cluster = await clusters.GetAsync(Token);
        using var client = new PointsClient(cluster.Replicas[0].Url);
        var member = PointsClient.NewMember();
        Assert.Equal(HttpStatusCode.Created, (await client.AccumulateAsync(member, 1_000)).Status);
        Assert.Equal(HttpStatusCode.Created, (await client.UseAsync(member, "A1", 10)).Status);
        using var gateway = new PointsClient(cluster.GatewayUrl);
        return [.. (await client.GetAsync("/metrics")).Text.Split('\n'), .. (await gateway.GetAsync("/metrics")).Text.Split('\n')];
    }

    [GeneratedRegex(@"(?<name>(pointsystem|http_server|db_client|dotnet)_\w+)(\{(?<labels>[^}]*)\})?")]
    private static partial Regex Selector();

    [GeneratedRegex(@"(?<name>\w+)(=~|!~|!=|=)""")]
    private static partial Regex Label();

    [GeneratedRegex(@"by \((?<labels>[^)]*)\)")]
    private static partial Regex Grouping();
}
