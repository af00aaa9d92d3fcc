using System.Diagnostics;
using System.Globalization;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>
/// A server that a killed runner left behind may still be shutting down (its reaper ends it) when the next runner starts. Two servers
/// must never share a data directory, so the new runner waits for the old server, or ends it.
/// </summary>
internal static class OrphanedPostgres
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <exception cref="LocalException">The old server does not end.</exception>
    public static async Task EndAsync(string dataDirectory, Action<string> progress, CancellationToken cancellationToken)
    {
        if (ReadOwner(dataDirectory) is not { } process || !process.IsAlive())
        {
            return;
        }
        progress($"A PostgreSQL server of an earlier run (process {process.ProcessId}) still uses the data; waiting for it to end ...");
        if (await process.WaitForEndAsync(Patience, cancellationToken))
        {
            return;
        }
        if (!OperatingSystem.IsWindows())
        {
            process.Signal(Native.SigInt);
            process.Signal(Native.SigContinue);
        }
        if (!await process.WaitForEndAsync(Patience, cancellationToken))
        {
            throw new LocalException(
                $"A PostgreSQL server (process {process.ProcessId}) is using {dataDirectory} and does not end: "
                + "stop it, or choose another directory with --data DIR.");
        }
    }

    // postmaster.pid: process id, data directory, start time as a Unix time in seconds, ...
    private static ProcessIdentity? ReadOwner(string dataDirectory)
    {
        try
        {
            var lines = File.ReadAllLines(Path.Combine(dataDirectory, "postmaster.pid"));
            if (lines.Length < 3 || !int.TryParse(lines[0], CultureInfo.InvariantCulture, out var processId))
            {
                return null;
            }
            // After a crash of the machine the id may belong to another program: only a process named postgres counts.
            using var process = Process.GetProcessById(processId);
            return process.ProcessName.StartsWith("postgres", StringComparison.Ordinal) ? ProcessIdentity.Of(process) : null;
        }
        catch (Exception e) when (e is IOException or ArgumentException or InvalidOperationException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
