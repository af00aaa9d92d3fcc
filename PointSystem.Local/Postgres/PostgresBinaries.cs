using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>A PostgreSQL installation: the directory of its programs, and its major version.</summary>
internal sealed partial record PostgresBinaries(string Directory, int Major)
{
    private const string BaseBackupName = "pg_basebackup";

    public string Server => Program(Directory, "postgres");

    public string InitDb => Program(Directory, "initdb");

    /// <summary>Version and directory, for messages.</summary>
    public string Description => string.Create(CultureInfo.InvariantCulture, $"PostgreSQL {Major} ({Directory})");

    /// <summary>Copies a running server; null where it is missing, as in the npm package. The server may be a link to where the others are.</summary>
    public string? BaseBackup => new[]
        {
            Program(Directory, BaseBackupName),
            Program(Path.GetDirectoryName(File.ResolveLinkTarget(Server, returnFinalTarget: true)?.FullName ?? Server)!, BaseBackupName),
        }
        .FirstOrDefault(File.Exists);

    public string Control => Program(Directory, "pg_ctl");

    /// <summary>Whether an extension's library is there. The npm package has none. The server may be a link to where the others are.</summary>
    public bool HasExtension(string name)
    {
        var directory = Path.GetDirectoryName(File.ResolveLinkTarget(Server, returnFinalTarget: true)?.FullName ?? Server)!;
        return new[] { "lib", Path.Combine("lib", "postgresql") }
            .Select(lib => Path.GetFullPath(Path.Combine(directory, "..", lib)))
            .Any(lib => System.IO.Directory.Exists(lib) && System.IO.Directory.EnumerateFiles(lib, name + ".*").Any());
    }

    /// <summary>All installations that start, in order of preference.</summary>
    public static IReadOnlyList<PostgresBinaries> FindInstalled() =>
        [.. Candidates().Distinct().Select(Probe).OfType<PostgresBinaries>()];

    /// <summary>Null when the directory has no server that prints its version.</summary>
    public static PostgresBinaries? Probe(string directory)
    {
        if (!File.Exists(Program(directory, "postgres")) || !File.Exists(Program(directory, "initdb")))
        {
            return null;
        }
        try
        {
            using var process = Process.Start(new ProcessStartInfo(Program(directory, "postgres"), "--version") { RedirectStandardOutput = true });
            var match = VersionPattern().Match(process!.StandardOutput.ReadToEnd());
            return match.Success ? new PostgresBinaries(directory, int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)) : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Checks that these programs can read a data directory, if there is one.</summary>
    /// <exception cref="LocalException">It is damaged, or was created by another major version.</exception>
    public void RequireMatches(string dataDirectory)
    {
        if (!System.IO.Directory.Exists(dataDirectory))
        {
            return;
        }
        var file = Path.Combine(dataDirectory, "PG_VERSION");
        var text = File.Exists(file) ? File.ReadAllText(file).Trim() : "";
        if (!int.TryParse(text, CultureInfo.InvariantCulture, out var major))
        {
            throw new LocalException(
                $"The database in {dataDirectory} is damaged (no readable PG_VERSION): "
                + "restore a backup, or start again with --fresh, which deletes all points.");
        }
        if (major != Major)
        {
            throw new LocalException(
                $"The database in {dataDirectory} was created by PostgreSQL {major}, but only version {Major} is available: "
                + "install that version, or start again with --fresh, which deletes all points.");
        }
    }

    /// <summary>Directories named <c>…/18/bin</c> or <c>postgresql@18/bin</c>, newest first.</summary>
    internal static IEnumerable<string> NewestFirst(IEnumerable<string> directories) =>
        directories.OrderByDescending(path => double.TryParse(LastNumber().Match(path).Value, CultureInfo.InvariantCulture, out var version) ? version : 0);

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("PGBIN") is { Length: > 0 } chosen)
        {
            yield return chosen;
        }
        if (Executables.OnPath("initdb") is { } onPath)
        {
            yield return Path.GetDirectoryName(onPath)!;
        }
        var programFiles = Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles);
        (string Parent, string Pattern)[] places = OperatingSystem.IsWindows()
            ? [(Path.Combine(programFiles, "PostgreSQL"), "*")]
            : [("/usr/lib/postgresql", "*"), ("/usr", "pgsql-*"), ("/opt/homebrew/opt", "postgresql*"), ("/usr/local/opt", "postgresql*")];
        foreach (var (parent, pattern) in places.Where(place => System.IO.Directory.Exists(place.Parent)))
        {
            foreach (var directory in NewestFirst(System.IO.Directory.EnumerateDirectories(parent, pattern)))
            {
                yield return Path.Combine(directory, "bin");
            }
        }
    }

    private static string Program(string directory, string name) => Path.Combine(directory, OperatingSystem.IsWindows() ? name + ".exe" : name);

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex VersionPattern();

    [GeneratedRegex(@"\d+(\.\d+)?", RegexOptions.RightToLeft)]
    private static partial Regex LastNumber();
}
