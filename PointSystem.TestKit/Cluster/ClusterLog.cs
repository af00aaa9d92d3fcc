using System.Collections.Concurrent;

namespace PointSystem.TestKit;

/// <summary>One line of the merged log.</summary>
/// <param name="Source">The process that wrote it, or <c>cluster</c>.</param>
/// <param name="Text">The line without the line break.</param>
public sealed record LogLine(string Source, string Text);

/// <summary>The merged log: every line goes to the sink, and to one file per source.</summary>
internal sealed class ClusterLog(string directory, Action<LogLine>? sink) : IDisposable
{
    private const string Own = "cluster";
    private readonly ConcurrentDictionary<string, TextWriter> _files = new(StringComparer.Ordinal);

    /// <summary>Logs a message of the cluster itself.</summary>
    public void Say(string text) => Write(Own, text);

    public void Write(string source, string text)
    {
        sink?.Invoke(new LogLine(source, text));
        var file = _files.GetOrAdd(source, name => new StreamWriter(Path.Combine(directory, name + ".log"), append: false) { AutoFlush = true });
        lock (file)
        {
            try
            {
                file.WriteLine(text);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // A full disk or a line after disposal must not stop a test.
            }
        }
    }

    public void Dispose()
    {
        foreach (var file in _files.Values)
        {
            lock (file)
            {
                file.Dispose();
            }
        }
    }
}
