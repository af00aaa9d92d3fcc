using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace PointSystem.Tests.Deploy;

/// <summary>YAML as JSON nodes: easy to walk, and two of them are compared by their text. Every scalar is text.</summary>
internal static class Yaml
{
    /// <summary>Every document of a file.</summary>
    public static IReadOnlyList<JsonNode> Load(string path) => Parse(File.ReadAllText(path));

    public static IReadOnlyList<JsonNode> Parse(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => Convert(document.RootNode))];
    }

    /// <summary>Objects of a list with their name, whichever way they are nested.</summary>
    public static IEnumerable<JsonNode> Items(this JsonNode? list) => list?.AsArray().Select(item => item!) ?? [];

    public static string Text(this JsonNode node, params string[] path) =>
        path.Aggregate(node, (current, key) => current[key] ?? throw new InvalidOperationException($"No {string.Join('.', path)} in {node}")).GetValue<string>();

    private static JsonNode Convert(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, (JsonNode?)Convert(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
        _ => JsonValue.Create(((YamlScalarNode)node).Value ?? "")!,
    };
}
