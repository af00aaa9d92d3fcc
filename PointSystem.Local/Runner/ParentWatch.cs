using System.Diagnostics;
using System.Globalization;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Runner;

/// <summary>
/// <c>dotnet run</c> passes signals on, but killed outright it cannot: the program it started would run on, unseen.
/// So under <c>dotnet run</c> the cluster ends with it. Started in any other way, it may outlive its parent, as a daemon does.
/// </summary>
internal static class ParentWatch
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Completes when the <c>dotnet run</c> above is gone, or on cancellation; never where there is none.</summary>
    public static async Task EndOfDotnetRunAsync(CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows() || !IsDotnetRun(Native.ParentProcessId))
        {
            // On Windows `dotnet run` holds a job object that ends its child with it.
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        var parent = Native.ParentProcessId;
        while (Native.ParentProcessId == parent && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Interval, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static bool IsDotnetRun(int processId)
    {
        var command = CommandLine(processId);
        return command is [var program, var verb, ..] && Path.GetFileName(program) == "dotnet" && verb is "run" or "watch";
    }

    private static string[] CommandLine(int processId)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/cmdline")).Split('\0');
            }
            using var ps = Process.Start(new ProcessStartInfo("ps", ["-o", "command=", "-p", processId.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
            });
            return ps!.StandardOutput.ReadToEnd().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or System.ComponentModel.Win32Exception)
        {
            return [];
        }
    }
}
