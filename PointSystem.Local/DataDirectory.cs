using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PointSystem.Local.Processes;

namespace PointSystem.Local;

/// <summary>The directory with all data of one local cluster, used by one runner at a time.</summary>
internal sealed class DataDirectory : IDisposable
{
    private const string Marker = ".pointsystem";
    private const string LockFile = "runner.lock";
    private const string OwnerFile = "runner.pid";
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream lockStream)
    {
        Root = path;
        _lock = lockStream;
    }

    public string Root { get; }

    public string Logs => Path.Combine(Root, "logs");

    public string Postgres => Path.Combine(Root, "postgres");

    public string Redis => Path.Combine(Root, "redis");

    /// <summary>
    /// The directory for downloads, shared by all clones: POINTSYSTEM_CACHE, otherwise next to the default directories.
    /// </summary>
    public static string Cache() => Environment.GetEnvironmentVariable("POINTSYSTEM_CACHE") is { Length: > 0 } chosen
        ? Path.GetFullPath(chosen)
        : Path.Combine(Base(), "cache");

    /// <summary>The parent of the default directories.</summary>
    public static string Base()
    {
        // The user that runs Postgres cannot access root's home.
        return Native.IsRoot
            ? "/var/lib/pointsystem"
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "pointsystem");
    }

    /// <summary>
    /// The default directory of a clone of the repository; each clone has its own, so that two clones do not share points.
    /// </summary>
    public static string Default(string? repositoryRoot)
    {
        var root = repositoryRoot ?? AppContext.BaseDirectory;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(root)))[..8];
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(root));
        return Path.Combine(Base(), string.Create(CultureInfo.InvariantCulture, $"{name}-{hash}"));
    }

    /// <exception cref="LocalException">The directory contains foreign files, is in use, or is not writable.</exception>
    public static DataDirectory Open(string path)
    {
        path = Path.GetFullPath(path);
        try
        {
            // The user that runs Postgres for root passes through it to its own directory.
            PrivateFiles.CreateDirectory(path, passable: Native.IsRoot);
            RefuseForeign(path);
            File.WriteAllText(Path.Combine(path, Marker), "Data of a local PointSystem cluster. Everything here is deleted by --fresh.\n");
            return new DataDirectory(path, AcquireLock(path));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new LocalException($"The data directory {path} cannot be used ({e.Message}): choose another with --data DIR.", e);
        }
    }

    public void Dispose()
    {
        File.Delete(Path.Combine(Root, OwnerFile));
        _lock.Dispose();
    }

    private static void RefuseForeign(string path)
    {
        if (!File.Exists(Path.Combine(path, Marker)) && Directory.EnumerateFileSystemEntries(path).Any())
        {
            throw new LocalException($"{path} contains files that are not PointSystem's: choose an empty directory with --data DIR.");
        }
    }

    private static FileStream AcquireLock(string path)
    {
        var owner = Path.Combine(path, OwnerFile);
        FileStream stream;
        try
        {
            // The operating system releases it when this process ends, however it ends.
            stream = new FileStream(Path.Combine(path, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            var who = File.Exists(owner) ? " (process " + File.ReadAllText(owner).Trim() + ")" : "";
            throw new LocalException($"Another runner{who} is using {path}: stop it, or choose another directory with --data DIR.", e);
        }
        File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return stream;
    }

    /// <summary>Deletes everything except the lock files.</summary>
    public void Clear()
    {
        foreach (var entry in new DirectoryInfo(Root).EnumerateFileSystemInfos().Where(entry => entry.Name is not (Marker or LockFile or OwnerFile)))
        {
            if (entry is DirectoryInfo directory)
            {
                directory.Delete(recursive: true);
            }
            else
            {
                entry.Delete();
            }
        }
    }
}
