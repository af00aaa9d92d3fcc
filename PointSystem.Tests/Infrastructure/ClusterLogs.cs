using System.Collections.Concurrent;

namespace PointSystem.Tests.Infrastructure;

/// <summary>The latest log lines of all clusters, so that a test that fails on an answer can show what the replica logged.</summary>
internal static class ClusterLogs
{
    private const int Kept = 5_000;
    private const int Shown = 25;

    private static readonly ConcurrentQueue<LogLine> Lines = new();

    static ClusterLogs() => Answer.LogOf = Of;

    public static void Add(LogLine line)
    {
        Lines.Enqueue(line);
        if (Lines.Count > Kept)
        {
            Lines.TryDequeue(out _);
        }
    }

    /// <summary>The line that contains a trace id and the lines after it from the same process; empty if it is not (or no longer) kept.</summary>
    public static string Of(string traceId)
    {
        var lines = Lines.ToList();
        var at = traceId.Length > 0 ? lines.FindLastIndex(line => line.Text.Contains(traceId, StringComparison.Ordinal)) : -1;
        return at < 0 ? "" : string.Join('\n', lines.Skip(at).Where(line => line.Source == lines[at].Source).Take(Shown).Select(line => line.Text));
    }
}
