using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace PointSystem.Api.Http;

/// <summary>One field of a JSON object, as sent.</summary>
/// <param name="Kind">The type of the value.</param>
/// <param name="Text">
/// The value of a string, or the digits of a number as sent; null for other types and for strings that are not valid Unicode.
/// </param>
/// <param name="Items">The strings of an array; null for other types, and if an item is no string of valid Unicode.</param>
internal readonly record struct JsonField(JsonTokenType Kind, string? Text, IReadOnlyList<string>? Items = null);

/// <summary>Splits a request body into its fields, without assuming anything about their types.</summary>
/// <remarks>
/// Model binding would stop at the first field of a wrong type, accept a name given twice, and let unpaired surrogates through. Here
/// every field is checked, and text that Postgres cannot store is refused.
/// </remarks>
internal static class JsonFields
{
    private const int DepthMax = 16;

    private static readonly JsonReaderOptions Strict = new()
    {
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
        // No body can be deeper than it is long. A body deeper than DepthMax is read to its end, so that it is refused as too deep, not
        // as invalid.
        MaxDepth = RequestBody.BytesMax,
    };

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <exception cref="RequestRefusedException">Not one JSON object in UTF-8, or a field given twice.</exception>
    public static Dictionary<string, JsonField> Parse(ReadOnlySpan<byte> body)
    {
        if (body.StartsWith(ByteOrderMark))
        {
            body = body[ByteOrderMark.Length..];
        }

        if (!Utf8.IsValid(body))
        {
            throw Refuse("The body must be JSON in UTF-8; it has bytes that are not UTF-8.");
        }

        try
        {
            return ReadObject(body);
        }
        catch (JsonException broken)
        {
            throw Refuse($"The body is not valid JSON: see line {(broken.LineNumber ?? 0) + 1}, byte {(broken.BytePositionInLine ?? 0) + 1}.", broken);
        }
    }

    private static Dictionary<string, JsonField> ReadObject(ReadOnlySpan<byte> body)
    {
        var fields = new Dictionary<string, JsonField>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(body, Strict);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            // Read to the end, so that invalid JSON is reported as such first.
            while (reader.Read())
            {
            }

            throw Refuse("The body must be a JSON object.");
        }

        var isTooDeep = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = TextOf(ref reader) ?? throw Refuse("The name of a field is not valid Unicode text.");
            reader.Read();
            var field = new JsonField(
                reader.TokenType,
                reader.TokenType switch
                {
                    JsonTokenType.String => TextOf(ref reader),
                    JsonTokenType.Number => Encoding.ASCII.GetString(reader.ValueSpan),
                    _ => null,
                },
                reader.TokenType == JsonTokenType.StartArray ? ItemsOf(reader) : null);
            isTooDeep |= SkipIsTooDeep(ref reader);
            if (!fields.TryAdd(name, field))
            {
                var shown = Spelling.Shorten(name, "field");
                throw new RequestRefusedException(Problems.Invalid(shown, $"{shown} is given more than once."));
            }
        }

        // What follows the object must be white space; anything else is a JsonException.
        reader.Read();
        return isTooDeep ? throw Refuse($"The body is nested too deeply: at most {DepthMax} levels are allowed.") : fields;
    }

    /// <summary>The strings of an array, read by a copy of the reader; null if it has anything else.</summary>
    private static List<string>? ItemsOf(Utf8JsonReader reader)
    {
        var items = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.String || TextOf(ref reader) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return items;
    }

    /// <summary>Skips a value; true if something in it is nested too deeply.</summary>
    private static bool SkipIsTooDeep(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return false;
        }

        var (start, deepest) = (reader.CurrentDepth, reader.CurrentDepth);
        while (reader.Read() && reader.CurrentDepth > start)
        {
            deepest = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray ? Math.Max(deepest, reader.CurrentDepth) : deepest;
        }

        // The body itself is level 1.
        return deepest >= DepthMax;
    }

    /// <summary>Null if escapes form an unpaired surrogate.</summary>
    private static string? TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static RequestRefusedException Refuse(string sentence, Exception? inner = null) => new(Problems.InvalidBody(sentence), inner);
}
