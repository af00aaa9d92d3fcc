using System.Collections.Concurrent;

namespace PointSystem.Local.Processes;

/// <summary>Runs a program until it exits.</summary>
internal static class OneShot
{
    /// <summary>Returns the exit code and every line of output.</summary>
    /// <exception cref="TimeoutException">It did not end within <paramref name="limit"/>; it was killed.</exception>
    public static async Task<(int ExitCode, IReadOnlyCollection<string> Lines)> RunAsync(
        ProcessSpec spec, Action<string>? onLine, TimeSpan limit, CancellationToken cancellationToken)
    {
        var lines = new ConcurrentQueue<string>();
        using var process = RunningProcess.Start(spec, AddLine);
        try
        {
            var code = await process.Exited.WaitAsync(limit, cancellationToken);
            await DrainAsync(lines, cancellationToken);
            return (code, lines);
        }
        finally
        {
            process.Kill();
        }

        void AddLine(string line)
        {
            lines.Enqueue(line);
            onLine?.Invoke(line);
        }
    }

    // The exit may be observed before the last lines.
    private static async Task DrainAsync(ConcurrentQueue<string> lines, CancellationToken cancellationToken)
    {
        int seen;
        do
        {
            seen = lines.Count;
            await Task.Delay(20, cancellationToken);
        }
        while (lines.Count != seen);
    }
}
