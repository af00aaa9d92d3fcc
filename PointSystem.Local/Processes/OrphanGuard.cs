using System.Diagnostics;
using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>
/// Ends another program when this process dies, even by <c>kill -9</c>: a shell reads from a pipe, and the kernel closes the pipe's other
/// end with this process. Not available on Windows; programs left behind there are found and ended at the next start.
/// </summary>
internal sealed class OrphanGuard : IDisposable
{
    // The shell ignores Ctrl+C and an orderly shutdown: the parent decides when the program ends, and then releases the shell with a
    // line.
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

    /// <summary>Releases the program without ending it.</summary>
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
