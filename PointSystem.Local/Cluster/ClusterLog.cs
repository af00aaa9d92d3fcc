using System.Collections.Concurrent;

namespace PointSystem.Local.Cluster;

/// <summary>One line of the merged log.</summary>
/// <param name="Source">The child that wrote it, or <c>runner</c> or <c>gateway</c>.</param>
/// <param name="Text">The line without its end.</param>
public sealed record LogLine(string Source, string Text);

/// <summary>The merged log: every line goes to the sink, and to a file for each source.</summary>
internal sealed class ClusterLog(Action<LogLine>? sink) : IDisposable
{
    public const string Runner = "runner";
    public const string Gateway = "gateway";
    private readonly ConcurrentDictionary<string, TextWriter> _files = new(StringComparer.Ordinal);
    private string? _directory;

    /// <summary>From now on files are written too; those of the run before are kept as <c>.previous.log</c>.</summary>
    public void WriteFilesTo(string directory)
    {
        Directory.CreateDirectory(directory);
        _directory = directory;
    }

    public void Write(string source, string text)
    {
        sink?.Invoke(new LogLine(source, text));
        if (_directory is null)
        {
            return;
        }
        var file = _files.GetOrAdd(source, Open);
        lock (file)
        {
            try
            {
                file.WriteLine(text);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // A full disk or a late line must not stop the points.
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

    private TextWriter Open(string source)
    {
        var path = Path.Combine(_directory!, source + ".log");
        if (File.Exists(path))
        {
            File.Move(path, Path.Combine(_directory!, source + ".previous.log"), overwrite: true);
        }
        return new StreamWriter(path, append: false) { AutoFlush = true };
    }
}
