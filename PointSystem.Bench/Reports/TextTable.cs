using System.Globalization;
using System.Text;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Reports;

/// <summary>Formats a report as plain text or as Markdown.</summary>
internal static class TextTable
{
    public static string Plain(Report report)
    {
        var text = new StringBuilder();
        text.AppendLine(report.Title).AppendLine(Settings(report)).AppendLine();
        var cells = Cells(report);
        var widths = Enumerable.Range(0, cells[0].Length).Select(column => cells.Max(row => row[column].Length)).ToArray();
        foreach (var row in cells)
        {
            text.AppendJoin("  ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])));
            text.AppendLine();
        }

        text.AppendLine();
        foreach (var target in report.Targets)
        {
            Line(text, $"{(target.Reached ? "reached    " : "NOT REACHED")}  {Sentence(target)}");
        }

        foreach (var note in report.Notes)
        {
            text.AppendLine(note);
        }

        return text.ToString();
    }

    public static string Markdown(Report report)
    {
        var text = new StringBuilder();
        var cells = Cells(report);
        text.Append("| ").AppendJoin(" | ", cells[0]).AppendLine(" |");
        text.Append("| --- |").AppendJoin("", cells[0].Skip(1).Select(_ => " ---: |")).AppendLine();
        foreach (var row in cells.Skip(1))
        {
            text.Append("| ").AppendJoin(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).AppendLine(" |");
        }

        text.AppendLine();
        if (report.Targets.Count > 0)
        {
            text.AppendLine("| target | measured | |").AppendLine("| --- | ---: | --- |");
            foreach (var target in report.Targets)
            {
                Line(text, $"| {target.Text} {Bound(target)} | {Figure(target.Figure)}{target.Unit} | {(target.Reached ? "reached" : "**not reached**")} |");
            }

            text.AppendLine();
        }

        foreach (var note in report.Notes)
        {
            Line(text, $"- {note}");
        }

        text.AppendLine();
        Line(text, $"`{report.Command}`, commit {report.Commit}, {report.Date.UtcDateTime:yyyy-MM-dd HH:mm} UTC. {Settings(report)}");
        Line(text, $"{report.Machine}");
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.AppendLine(FormattableString.Invariant(line));

    private static string Settings(Report report) => string.Join(", ", report.Settings.Select(setting => $"{setting.Key} {setting.Value}")) + ".";

    private static string Sentence(Target target) => $"{target.Text} {Bound(target)}: {Figure(target.Figure)}{target.Unit}";

    private static string Bound(Target target) =>
        string.Create(CultureInfo.InvariantCulture, $"{(target.AtLeast ? "≥" : "≤")} {target.Wanted:#,0.###}{target.Unit}");

    private static string Figure(double figure) => Number(figure, Math.Abs(figure) < 100 ? 2 : 0);

    /// <summary>Returns the heading and one line per row.</summary>
    private static List<string[]> Cells(Report report)
    {
        // A column without any figure is left out.
        var columns = report.Columns.Where(column => report.Rows.Any(row => row.Figures.ContainsKey(column.Key))).ToList();
        return
        [
            ["", .. columns.Select(column => column.Heading)],
            .. report.Rows.Select(row => (string[])
                [row.Name, .. columns.Select(column => Cell(row.Figures.GetValueOrDefault(column.Key), column))]),
        ];
    }

    private static string Cell(Spread? figure, Column column)
    {
        if (figure is null || double.IsNaN(figure.Median))
        {
            return "–";
        }

        var median = Number(figure.Median, column.Decimals);
        return column.WithSpread && figure.Min < figure.Max
            ? $"{median} ({Number(figure.Min, column.Decimals)}…{Number(figure.Max, column.Decimals)})"
            : median;
    }

    private static string Number(double number, int decimals) => number.ToString("N" + decimals, CultureInfo.InvariantCulture);
}
