using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PointSystem.Bench.Reports;

/// <summary>Stores the latest report of each scenario as JSON.</summary>
internal static class ResultFiles
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new Rounded() },
    };

    public static string Serialize(Report report) => JsonSerializer.Serialize(report, Format);

    /// <exception cref="BenchException">The text is not a report.</exception>
    public static Report Deserialize(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<Report>(json, Format) ?? throw new BenchException("The file contains no report.");
        }
        catch (JsonException e)
        {
            throw new BenchException($"The file contains no report: {e.Message}", e);
        }
    }

    /// <summary>Writes <c>{scenario}.json</c> and the chart <c>{scenario}.svg</c>, and returns the path of the JSON file.</summary>
    public static async Task<string> WriteAsync(Report report, string directory, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, report.Scenario + ".json");
        await File.WriteAllTextAsync(path, Serialize(report) + "\n", cancellationToken);
        await File.WriteAllTextAsync(Path.ChangeExtension(path, ".svg"), BarChart.Draw([report]), cancellationToken);
        return path;
    }

    /// <summary>Rounds to five significant digits; none of these figures is more precise.</summary>
    private sealed class Rounded : JsonConverter<double>
    {
        private const int Digits = 5;

        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (!double.IsFinite(value))
            {
                writer.WriteNullValue();
                return;
            }

            var magnitude = value == 0 ? 0 : (int)Math.Floor(Math.Log10(Math.Abs(value))) + 1;
            writer.WriteNumberValue(Math.Round((decimal)value, Math.Clamp(Digits - magnitude, 0, 12)));
        }
    }
}
