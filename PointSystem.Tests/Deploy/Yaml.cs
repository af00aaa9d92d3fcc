using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace PointSystem.Tests.Deploy;

/// <summary>YAML as JSON nodes, which are easy to navigate and to compare. Every scalar is text.</summary>
internal static class Yaml
{
    /// <summary>All documents of a file.</summary>
    public static IReadOnlyList<JsonNode> Load(string path) => Parse(File.ReadAllText(path));

    public static IReadOnlyList<JsonNode> Parse(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => Convert(document.RootNode))];
    }

    /// <summary>The items of a list; none if there is no list.</summary>
    public static IEnumerable<JsonNode> Items(this JsonNode? list) => list?.AsArray().Select(item => item!) ?? [];

    public static string Text(this JsonNode node, params string[] path) =>
        path.Aggregate(node, (current, key) => current[key] ?? throw new InvalidOperationException($"No {string.Join('.', path)} in {node}"))
            .GetValue<string>();

    private static JsonNode Convert(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(
            map.Children.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, (JsonNode?)Convert(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
        _ => JsonValue.Create(((YamlScalarNode)node).Value ?? "")!,
    };
}
