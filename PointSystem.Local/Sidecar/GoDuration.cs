using System.Globalization;
using System.Text.RegularExpressions;

namespace PointSystem.Local.Sidecar;

/// <summary>Durations in the format of Dapr's YAML: Go's <c>1h30m</c>, <c>250ms</c>, or a plain number of milliseconds.</summary>
internal static partial class GoDuration
{
    /// <summary>Parses a duration. The settings that use it read a negative one as "no limit".</summary>
    /// <exception cref="FormatException">The text is not a duration.</exception>
    public static TimeSpan Parse(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds))
        {
            return TimeSpan.FromMilliseconds(milliseconds);
        }
        var match = Pattern().Match(text);
        if (!match.Success)
        {
            throw new FormatException($"'{text}' is not a duration such as 500ms, 3s or 1m30s");
        }
        var total = 0d;
        for (var i = 0; i < match.Groups["number"].Captures.Count; i++)
        {
            var number = double.Parse(match.Groups["number"].Captures[i].Value, CultureInfo.InvariantCulture);
            total += number * Milliseconds(match.Groups["unit"].Captures[i].Value);
        }
        return TimeSpan.FromMilliseconds(text[0] == '-' ? -total : total);
    }

    private static double Milliseconds(string unit) => unit switch
    {
        "ns" => 1e-6,
        "us" or "µs" or "μs" => 1e-3,
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => 3_600_000,
    };

    [GeneratedRegex(@"^[+-]?(?:(?<number>\d+(?:\.\d*)?|\.\d+)(?<unit>ns|us|µs|μs|ms|s|m|h))+$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
