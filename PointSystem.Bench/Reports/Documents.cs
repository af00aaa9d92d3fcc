namespace PointSystem.Bench.Reports;

/// <summary>
/// Inserts the latest results into documents, between <c>&lt;!-- bench:NAME --&gt;</c> and <c>&lt;!-- /bench:NAME --&gt;</c>.
/// </summary>
internal static class Documents
{
    /// <summary>The scenarios in the README's chart.</summary>
    public static IReadOnlyList<string> Overview { get; } = ["hot", "uniform"];

    public const string OverviewFile = "overview.svg";

    /// <summary>Rewrites the sections for which there is a result; the others stay unchanged.</summary>
    /// <exception cref="BenchException">A section has no end marker.</exception>
    public static string Fill(string document, IReadOnlyList<Report> reports)
    {
        foreach (var report in reports)
        {
            var (begin, end) = ($"<!-- bench:{report.Scenario} -->", $"<!-- /bench:{report.Scenario} -->");
            var from = document.IndexOf(begin, StringComparison.Ordinal);
            if (from < 0)
            {
                continue;
            }

            from += begin.Length;
            var to = document.IndexOf(end, from, StringComparison.Ordinal);
            document = to < 0
                ? throw new BenchException($"{begin} has no {end} after it.")
                : document[..from] + "\n" + TextTable.Markdown(report) + document[to..];
        }

        return document;
    }

    /// <summary>Fills <c>docs/performance.md</c> and draws the overview from the results in a directory.</summary>
    /// <returns>The files that were written.</returns>
    /// <exception cref="BenchException">There are no results, or no repository.</exception>
    public static async Task<IReadOnlyList<string>> RewriteAsync(string? repository, string results, CancellationToken cancellationToken)
    {
        var files = Directory.Exists(results) ? Directory.GetFiles(results, "*.json") : [];
        if (repository is null || files.Length == 0)
        {
            throw new BenchException($"There are no results in {results}: run a scenario first.");
        }

        var reports = new List<Report>();
        foreach (var file in files.Order(StringComparer.Ordinal))
        {
            reports.Add(ResultFiles.Deserialize(await File.ReadAllTextAsync(file, cancellationToken)));
        }

        var written = new List<string>();
        var document = Path.Combine(repository, "docs", "performance.md");
        if (File.Exists(document))
        {
            await File.WriteAllTextAsync(document, Fill(await File.ReadAllTextAsync(document, cancellationToken), reports), cancellationToken);
            written.Add(document);
        }

        var shown = Overview.Select(name => reports.Find(report => report.Scenario == name)).OfType<Report>().ToList();
        if (shown.Count > 0)
        {
            var chart = Path.Combine(results, OverviewFile);
            await File.WriteAllTextAsync(chart, BarChart.Draw(shown), cancellationToken);
            written.Add(chart);
        }

        return written;
    }
}
