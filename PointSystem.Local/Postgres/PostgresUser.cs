using System.Diagnostics;
using System.Globalization;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>
/// Chooses the unprivileged user that PostgreSQL runs as when this process is root, because PostgreSQL refuses to run as root.
/// </summary>
internal static class PostgresUser
{
    /// <summary>Null when the current user can run PostgreSQL.</summary>
    /// <exception cref="LocalException">The process is root and no other user exists.</exception>
    public static UnixUser? Choose()
    {
        if (!Native.IsRoot)
        {
            return null;
        }
        return Find("postgres") ?? Find("nobody")
            ?? throw new LocalException("PostgreSQL refuses to run as root, and there is no user postgres or nobody to switch to: run as another user.");
    }

    /// <exception cref="LocalException">The user may not enter one of the parent directories.</exception>
    public static void RequireReachable(string path, UnixUser? user)
    {
        if (user is null || OperatingSystem.IsWindows())
        {
            return;
        }
        for (var directory = new DirectoryInfo(path).Parent; directory is not null; directory = directory.Parent)
        {
            if (!File.GetUnixFileMode(directory.FullName).HasFlag(UnixFileMode.OtherExecute))
            {
                throw new LocalException(
                    $"PostgreSQL runs as the user {user.Name} here, which may not enter {directory.FullName}: choose another directory with --data DIR.");
            }
        }
    }

    private static UnixUser? Find(string name)
    {
        // `id` queries every source of users (files, directory services), on Linux and macOS alike.
        return Id("-u", name) is { } user && Id("-g", name) is { } group ? new UnixUser(name, user, group) : null;
    }

    private static uint? Id(string option, string name)
    {
        using var process = Process.Start(new ProcessStartInfo("id", [option, name]) { RedirectStandardOutput = true, RedirectStandardError = true });
        var text = process!.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && long.TryParse(text, CultureInfo.InvariantCulture, out var id) ? unchecked((uint)id) : null;
    }
}
