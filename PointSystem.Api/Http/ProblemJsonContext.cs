using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PointSystem.Api.Http;

/// <summary>The JSON of problems, generated at compile time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ProblemJsonContext : JsonSerializerContext
{
    /// <summary>As answers are written.</summary>
    public static ProblemJsonContext Wire { get; } = new(NewWireOptions());

    /// <summary>
    /// How every answer is written: quotes and letters of other scripts stay readable. (The default escapes them for pages that paste
    /// JSON into HTML; ours goes out as application/json only.) New ones each time, because they belong to the context that they are
    /// given to.
    /// </summary>
    public static JsonSerializerOptions NewWireOptions() =>
        new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
