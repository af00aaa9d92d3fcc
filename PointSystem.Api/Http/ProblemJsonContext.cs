using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PointSystem.Api.Http;

/// <summary>The JSON serialization of problems, generated at compile time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ProblemJsonContext : JsonSerializerContext
{
    /// <summary>The context with the options that answers are written with.</summary>
    public static ProblemJsonContext Wire { get; } = new(NewWireOptions());

    /// <summary>
    /// The options of all answers: quotes and non-ASCII letters are not escaped. (The default escapes them for JSON embedded in HTML;
    /// answers are only application/json.) A new instance for each call, because options belong to one context.
    /// </summary>
    public static JsonSerializerOptions NewWireOptions() =>
        new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
