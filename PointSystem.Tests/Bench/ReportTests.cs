using System.Xml.Linq;
using PointSystem.Bench;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Stats;

namespace PointSystem.Tests.Bench;

public sealed class ReportTests
{
    private static readonly Report Example = new()
    {
        Scenario = "hot",
        Title = "hot: callers & one member",
        Command = "dotnet run -- hot",
        Commit = "0123456789",
        Date = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Machine = new Machine("a processor", 2, 23.4, "Linux", "10.0.0", "PostgreSQL 15"),
        Settings = new Dictionary<string, string> { ["callers"] = "100" },
        Columns = [new Column("perSecond", "requests/s", 0, WithSpread: true), new Column("p50", "p50 ms", 1), new Column("nobody", "nobody has it", 0)],
        Rows =
        [
            new Row("row", "as ever", new Dictionary<string, Spread> { ["perSecond"] = new(1234.4, 1000, 2000), ["p50"] = new(1.26, 1, 2) }),
            new Row("adaptive", "new", new Dictionary<string, Spread> { ["perSecond"] = new(10_000, 10_000, 10_000) }),
        ],
        Charted = "perSecond",
        Targets = [new Target("adaptive to row", 2.5, true, 8.1, " ×"), new Target("p50", 1, false, 1.26, " ms")],
        Notes = ["The ledger is correct."],
    };

    [Fact]
    public void Markdown_Report_HasFiguresTargetsCommandCommitAndMachine()
    {
        var text = TextTable.Markdown(Example);

        Assert.Contains("|  | requests/s | p50 ms |", text, StringComparison.Ordinal);
        Assert.Contains("| row | 1,234 (1,000…2,000) | 1.3 |", text, StringComparison.Ordinal);
        Assert.Contains("| adaptive | 10,000 | – |", text, StringComparison.Ordinal);
        Assert.DoesNotContain("nobody has it", text, StringComparison.Ordinal);
        Assert.Contains("| adaptive to row ≥ 2.5 × | 8.10 × | reached |", text, StringComparison.Ordinal);
        Assert.Contains("| p50 ≤ 1 ms | 1.26 ms | **not reached** |", text, StringComparison.Ordinal);
        Assert.Contains("`dotnet run -- hot`, commit 0123456789, 2026-01-02 03:04 UTC. callers 100.", text, StringComparison.Ordinal);
        Assert.Contains("a processor, 2 cores, 23.4 GiB", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Plain_Report_SaysWhichTargetsAreReached()
    {
        var text = TextTable.Plain(Example);

        Assert.Contains("reached      adaptive to row ≥ 2.5 ×: 8.10 ×", text, StringComparison.Ordinal);
        Assert.Contains("NOT REACHED  p50 ≤ 1 ms: 1.26 ms", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Serialize_Report_RoundTrips()
    {
        var back = ResultFiles.Deserialize(ResultFiles.Serialize(Example));

        Assert.Equal(TextTable.Markdown(Example), TextTable.Markdown(back));
    }

    [Fact]
    public void Serialize_NaN_IsNull()
    {
        var report = Example with { Rows = [new Row("row", "", new Dictionary<string, Spread> { ["p50"] = new(double.NaN, 123456.789, 0.00001234567) })] };
        var json = ResultFiles.Serialize(report);

        Assert.Contains("\"median\": null", json, StringComparison.Ordinal);
        Assert.Contains("\"min\": 123457", json, StringComparison.Ordinal);
        Assert.True(double.IsNaN(ResultFiles.Deserialize(json).Rows[0].Figures["p50"].Median));
    }

    [Fact]
    public void Draw_Report_IsWellFormedWithABarForEachRow()
    {
        var svg = XDocument.Parse(BarChart.Draw([Example, Example]));

        Assert.Equal(4, svg.Descendants().Count(element => element.Name.LocalName == "rect"));
        Assert.Contains("callers & one member", svg.Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Fill_Document_ChangesItsOwnSectionsOnly()
    {
        var filled = Documents.Fill("a\n<!-- bench:hot -->\nold\n<!-- /bench:hot -->\nb\n<!-- bench:zipf -->\nkept\n<!-- /bench:zipf -->\n", [Example]);

        Assert.StartsWith("a\n<!-- bench:hot -->\n|  | requests/s", filled, StringComparison.Ordinal);
        Assert.DoesNotContain("old", filled, StringComparison.Ordinal);
        Assert.EndsWith("<!-- /bench:hot -->\nb\n<!-- bench:zipf -->\nkept\n<!-- /bench:zipf -->\n", filled, StringComparison.Ordinal);
        Assert.Throws<BenchException>(() => Documents.Fill("<!-- bench:hot -->", [Example]));
    }
}
