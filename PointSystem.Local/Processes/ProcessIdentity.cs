using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>A process id with its start time, because the id alone may belong to another process by the time it is used.</summary>
internal readonly record struct ProcessIdentity(int ProcessId, long StartedAtMilliseconds)
{
    // The system stores start times in clock ticks and the boot time in seconds, so two readings may differ a little.
    private const long ToleranceMilliseconds = 2_000;

    public static ProcessIdentity Of(Process process) => new(process.Id, ReadStart(process) ?? 0);

    public bool IsAlive()
    {
        try
        {
            using var process = Process.GetProcessById(ProcessId);
            return !process.HasExited && !IsZombie(ProcessId)
                && ReadStart(process) is { } started && Math.Abs(started - StartedAtMilliseconds) <= ToleranceMilliseconds;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return false;
        }
    }

    public void Signal(int signal)
    {
        if (IsAlive())
        {
            Native.Signal(ProcessId, signal);
        }
    }

    public void Kill()
    {
        if (!OperatingSystem.IsWindows())
        {
            Signal(Native.SigKill);
            return;
        }
        try
        {
            using var process = Process.GetProcessById(ProcessId);
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It has already ended.
        }
    }

    /// <summary>Waits until the process has ended, or until <paramref name="limit"/>; true when it ended.</summary>
    public async Task<bool> WaitForEndAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        while (IsAlive())
        {
            if (watch.Elapsed >= limit)
            {
                return false;
            }
            await Task.Delay(25, cancellationToken);
        }
        return true;
    }

    private static long? ReadStart(Process process)
    {
        try
        {
            return new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds();
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or NotSupportedException)
        {
            return null;
        }
    }

    // An orphan may not have been reaped yet (a container's init process often never does): it holds nothing and counts as ended.
    private static bool IsZombie(int processId)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            return stat[(stat.LastIndexOf(')') + 2)..].StartsWith('Z');
        }
        catch (IOException)
        {
            return true;
        }
    }
}
