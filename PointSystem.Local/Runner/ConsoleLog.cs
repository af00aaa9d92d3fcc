using PointSystem.Local.Cluster;

namespace PointSystem.Local.Runner;

/// <summary>Writes the merged log, each line with the name of who said it; in colour on a terminal only.</summary>
internal sealed class ConsoleLog(TextWriter output, bool color, TimeProvider clock)
{
    private const int NameWidth = 10;
    private const string Reset = "\e[0m";
    private static readonly string[] Colors = ["\e[36m", "\e[33m", "\e[32m", "\e[35m", "\e[34m", "\e[96m", "\e[93m", "\e[92m"];
    private readonly Lock _gate = new();

    /// <summary>When set, only the runner and the gateway are shown.</summary>
    public bool Quiet { get; set; }

    public void Write(LogLine line)
    {
        var ours = line.Source is ClusterLog.Runner or ClusterLog.Gateway;
        if (Quiet && !ours)
        {
            return;
        }
        var name = line.Source.PadRight(NameWidth);
        var time = clock.GetLocalNow().ToString("HH:mm:ss", null);
        var prefix = color ? $"\e[2m{time}{Reset} {ColorOf(line.Source)}{name}{Reset}" : $"{time} {name}";
        WriteText($"{prefix} | {line.Text}");
    }

    public void WriteText(string text)
    {
        lock (_gate)
        {
            try
            {
                output.WriteLine(text);
                output.Flush();
            }
            catch (IOException)
            {
                // Whoever read this has gone (a closed pipe, a closed terminal): the files go on.
            }
        }
    }

    private static string ColorOf(string source)
    {
        var hash = 0;
        foreach (var character in source)
        {
            hash = ((hash * 31) + character) & 0xFFFF;
        }
        return Colors[hash % Colors.Length];
    }
}
