using System.Collections.Concurrent;

namespace PointSystem.Local.Processes;

/// <summary>Runs a program to its end.</summary>
internal static class OneShot
{
    /// <summary>The exit code and every line written.</summary>
    /// <exception cref="TimeoutException">It did not end within <paramref name="limit"/>; it was killed.</exception>
    public static async Task<(int ExitCode, IReadOnlyCollection<string> Lines)> RunAsync(
        ProcessSpec spec, Action<string>? onLine, TimeSpan limit, CancellationToken cancellationToken)
    {
        var lines = new ConcurrentQueue<string>();
        using var process = RunningProcess.Start(spec, Take);
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

        void Take(string line)
        {
            lines.Enqueue(line);
            onLine?.Invoke(line);
        }
    }

    // The exit may be seen before the last lines are.
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
