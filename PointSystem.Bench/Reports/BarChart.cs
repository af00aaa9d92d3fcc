using System.Globalization;
using System.Net;
using System.Text;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Reports;

/// <summary>
/// Draws figures as horizontal bars in an SVG: the median as a bar, minimum and maximum as a line. Readable on light and dark pages.
/// </summary>
internal static class BarChart
{
    private const int PanelWidth = 460;
    private const int LabelWidth = 190;
    private const int ValueWidth = 64;
    private const int BarHeight = 18;
    private const int RowHeight = 26;
    private const int HeadHeight = 48;
    private const int BarsWidth = PanelWidth - LabelWidth - ValueWidth;
    private const string Ours = "#2f81f7";
    private const string Others = "#8b949e";
    private const string Font = "system-ui, sans-serif";
    private const string LightColors = "text { fill: #1f2328 } .dim { fill: #59636e } .spread { stroke: #1f2328 }";
    private const string DarkColors = "text { fill: #e6edf3 } .dim { fill: #9198a1 } .spread { stroke: #e6edf3 }";
    private static readonly string[] OurNames = ["distributed", "adaptive", "fallback", "PointSystem"];

    /// <summary>Draws one panel per report, side by side.</summary>
    public static string Draw(IReadOnlyList<Report> reports)
    {
        var height = HeadHeight + (RowHeight * reports.Max(report => RowsOf(report).Count)) + 12;
        var svg = new StringBuilder();
        var width = PanelWidth * reports.Count;
        Line(svg, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" font-family="{Font}" font-size="12">""");
        svg.AppendLine($"<style>{LightColors} @media (prefers-color-scheme: dark) {{ {DarkColors} }}</style>");
        for (var i = 0; i < reports.Count; i++)
        {
            Panel(svg, reports[i], i * PanelWidth);
        }

        return svg.AppendLine("</svg>").ToString();
    }

    private static List<(Row Row, Spread Figure)> RowsOf(Report report) =>
        [.. report.Rows.Where(row => row.Figures.ContainsKey(report.Charted)).Select(row => (row, row.Figures[report.Charted]))];

    private static void Panel(StringBuilder svg, Report report, int left)
    {
        var column = report.Columns.First(column => column.Key == report.Charted);
        var rows = RowsOf(report);
        var max = rows.Max(row => row.Figure.Max);
        double X(double value) => left + LabelWidth + (BarsWidth * Math.Max(0, value) / (max > 0 ? max : 1));
        Line(svg, $"""<text x="{left + 8}" y="18" font-weight="600">{Text(report.Scenario)}: {Text(column.Heading)}</text>""");
        var subtitle = report.Title[(report.Title.IndexOf(':', StringComparison.Ordinal) + 2)..];
        Line(svg, $"""<text class="dim" x="{left + 8}" y="35">{Text(Short(subtitle))}</text>""");
        for (var i = 0; i < rows.Count; i++)
        {
            var (row, figure) = rows[i];
            var top = HeadHeight + (i * RowHeight);
            var middle = top + (BarHeight / 2);
            Line(svg, $"""<text x="{left + LabelWidth - 8}" y="{middle + 4}" text-anchor="end">{Text(row.Name)}</text>""");
            var (x, width, color) = (left + LabelWidth, X(figure.Median) - left - LabelWidth, ColorOf(row.Name));
            Line(svg, $"""<rect x="{x}" y="{top}" width="{width:0.0}" height="{BarHeight}" rx="2" fill="{color}"/>""");
            if (figure.Max > figure.Min)
            {
                Line(svg, $"""<line class="spread" x1="{X(figure.Min):0.0}" x2="{X(figure.Max):0.0}" y1="{middle}" y2="{middle}"/>""");
            }

            var median = figure.Median.ToString("N" + column.Decimals, CultureInfo.InvariantCulture);
            Line(svg, $"""<text x="{X(figure.Max) + 6:0.0}" y="{middle + 4}">{median}</text>""");
        }
    }

    private static string ColorOf(string name) =>
        OurNames.Any(ours => name.Contains(ours, StringComparison.Ordinal)) ? Ours : Others;

    private static string Short(string text) => text.Length <= 72 ? text : text[..71] + "…";

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static void Line(StringBuilder svg, FormattableString line) => svg.AppendLine(FormattableString.Invariant(line));
}
