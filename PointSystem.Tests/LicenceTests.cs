using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace PointSystem.Tests;

/// <summary>The licences of all packages that the solution uses, directly or through others, as the packages themselves name them.</summary>
public sealed class LicenceTests
{
    private static readonly string[] Allowed = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "PostgreSQL"];

    /// <summary>Packages that name no licence by its identifier: somebody has read what they have instead.</summary>
    private static readonly Dictionary<string, string> Read = new(StringComparer.OrdinalIgnoreCase)
    {
        ["CommandLineParser"] = "MIT",
        // Names none at all; its project on GitHub, microsoft/DiskANN, has the MIT licence. A dependency of Garnet, in the local run only.
        ["diskann-garnet"] = "MIT",
        ["Fractions"] = "BSD-2-Clause",
        ["KeraLua"] = "MIT",
        // Its LICENSES.txt also has those of what it is built with, all of the same kind (BSD, zlib, MIT, Apache).
        ["librdkafka.redist"] = "BSD-2-Clause",
        ["Microsoft.DotNet.PlatformAbstractions"] = "MIT",
        ["SmtpServer"] = "MIT",
        ["StandardWebhooks"] = "MIT",
        ["System.Security.Cryptography.ProtectedData"] = "MIT",
    };

    [Fact]
    public void Packages_All_HaveAnAllowedLicence()
    {
        var packages = Directory.GetDirectories(BuildOutputs.Repository, "PointSystem.*")
            .Select(project => Path.Combine(project, "obj", "project.assets.json")).Where(File.Exists)
            .SelectMany(Packages).DistinctBy(package => package.Folder).ToList();

        Assert.True(packages.Count > 100, $"Only {packages.Count} packages were found.");
        Assert.All(packages, package =>
        {
            var named = LicenceOf(package.Folder) ?? Read.GetValueOrDefault(package.Name);
            Assert.True(named is not null, $"{package.Name} names no licence.");
            // Of several offered ones, one is enough.
            Assert.True(named.Split(" OR ").Any(licence => Allowed.Contains(licence.Trim('(', ')', ' '))), $"{package.Name}: {named}");
        });
        Assert.All(Read.Keys, name => Assert.Contains(packages, package => package.Name.Equals(name, StringComparison.OrdinalIgnoreCase)));
    }

    private static IEnumerable<(string Name, string Folder)> Packages(string assetsFile)
    {
        var assets = JsonNode.Parse(File.ReadAllText(assetsFile))!;
        var caches = assets["packageFolders"]!.AsObject().Select(folder => folder.Key).ToList();
        return assets["libraries"]!.AsObject().Where(library => library.Value!["type"]!.GetValue<string>() == "package").Select(library =>
            (library.Key.Split('/')[0], caches.Select(cache => Path.Combine(cache, library.Value!["path"]!.GetValue<string>())).First(Directory.Exists)));
    }

    /// <summary>The SPDX expression of the package's manifest; null if it has none.</summary>
    private static string? LicenceOf(string folder) => XDocument.Load(Directory.GetFiles(folder, "*.nuspec").Single()).Descendants()
        .FirstOrDefault(element => element.Name.LocalName == "license" && element.Attribute("type")?.Value == "expression")?.Value.Trim();
}
