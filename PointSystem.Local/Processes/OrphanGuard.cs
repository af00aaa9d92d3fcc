using System.Diagnostics;
using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>
/// Ends a foreign program when this process dies, by <c>kill -9</c> too: a shell holds the reading end of a pipe, and the kernel closes
/// the other end with this process. On Windows there is none; what is left there is found and ended at the next start.
/// </summary>
internal sealed class OrphanGuard : IDisposable
{
    // Ctrl+C and an orderly end are for the parent: it decides when the program ends, and then lets the shell go with a line.
    private const string Script = "trap '' INT TERM HUP; read -r _ || kill -s \"$1\" \"$0\"";
    private readonly Process? _shell;

    private OrphanGuard(Process? shell) => _shell = shell;

    /// <param name="processId">The program.</param>
    /// <param name="signal">The name of the signal that ends it at once, such as QUIT or KILL.</param>
    public static OrphanGuard Over(int processId, string signal)
    {
        if (OperatingSystem.IsWindows())
        {
            return new OrphanGuard(null);
        }
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, processId.ToString(CultureInfo.InvariantCulture), signal])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        return new OrphanGuard(Process.Start(start));
    }

    /// <summary>Lets the program go on, or be ended by others.</summary>
    public void Dispose()
    {
        try
        {
            _shell?.StandardInput.WriteLine();
            _shell?.StandardInput.Close();
        }
        catch (IOException)
        {
            // The shell was killed: there is nothing left to release.
        }
        _shell?.Dispose();
    }
}
