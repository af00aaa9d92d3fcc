using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace PointSystem.Local.Sidecar;

/// <summary>
/// Reads the resource folders like daprd: files in name order, no subfolders, several documents per file. A file that cannot be parsed is
/// a warning, a document scoped to other app ids is skipped, and two components of the same name are an error.
/// </summary>
internal sealed partial class ManifestLoader(string appId, ILogger<ManifestLoader> logger)
{
    private static readonly IDeserializer Yaml = new DeserializerBuilder()
        .WithNamingConvention(CamelCaseNamingConvention.Instance)
        .IgnoreUnmatchedProperties()
        .Build();

    private readonly List<ComponentManifest> _components = [];
    private readonly List<ResiliencyManifest> _resiliencies = [];

    /// <summary>Components in scope, in the order of their files.</summary>
    public IReadOnlyList<ComponentManifest> Components => _components;

    /// <summary>Resiliency files in scope, in the order of their files; a later one overrides an earlier one.</summary>
    public IReadOnlyList<ResiliencyManifest> Resiliencies => _resiliencies;

    /// <summary>Reads all folders.</summary>
    /// <exception cref="SidecarStartException">A folder does not exist, or two components have the same name.</exception>
    public void Load(IEnumerable<string> folders)
    {
        foreach (var folder in folders)
        {
            if (!Directory.Exists(folder))
            {
                throw new SidecarStartException($"--resources-path: the folder '{folder}' does not exist.");
            }
            foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
            {
                if (Path.GetExtension(file).ToUpperInvariant() is ".YAML" or ".YML")
                {
                    LoadFile(file);
                }
                else
                {
                    logger.NotYaml(file);
                }
            }
        }
        if (_components.GroupBy(c => c.Metadata.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Skip(1).Any()) is { } twice)
        {
            throw new SidecarStartException($"duplicate definition of Component name {twice.First().LogName}: give each component its own name.");
        }
    }

    private void LoadFile(string file)
    {
        foreach (var document in Separator().Split(File.ReadAllText(file)))
        {
            try
            {
                LoadDocument(file, document);
            }
            catch (YamlException error)
            {
                logger.UnreadableManifest(file, error.Message);
            }
        }
    }

    private void LoadDocument(string file, string document)
    {
        if (Yaml.Deserialize<Manifest?>(document) is not { } header)
        {
            return;
        }
        if (header.Scopes.Count > 0 && !header.Scopes.Contains(appId, StringComparer.Ordinal))
        {
            logger.OutOfScope(header.Kind, header.Metadata.Name);
            return;
        }
        switch (header.ApiVersion, header.Kind)
        {
            case ("dapr.io/v1alpha1", "Component"):
                _components.Add(Yaml.Deserialize<ComponentManifest>(document));
                break;
            case ("dapr.io/v1alpha1", "Resiliency"):
                _resiliencies.Add(Yaml.Deserialize<ResiliencyManifest>(document));
                break;
            case ("dapr.io/v1alpha1", "Configuration"):
                // Named by --config, and usually in the same folder.
                break;
            default:
                logger.UnknownKind(header.Kind, file);
                break;
        }
    }

    [GeneratedRegex(@"^---.*$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Separator();
}
