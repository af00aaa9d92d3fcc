using System.Globalization;
using System.Diagnostics;

namespace PointSystem.Local.Cluster;

/// <summary>Memory of the cluster's processes. Shared pages count once where the system tells (Linux), else in each process.</summary>
/// <param name="Parts">Bytes for each part, children of children included.</param>
public sealed record MemoryReport(IReadOnlyList<(string Name, long Bytes)> Parts)
{
    /// <summary>Bytes of all parts.</summary>
    public long Total => Parts.Sum(part => part.Bytes);

    /// <summary>Like <c>412 MB: runner 90, postgres 60, ...</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Megabytes(Total)} MB: {string.Join(", ", Parts.Select(part => $"{part.Name} {Megabytes(part.Bytes)}"))}");

    internal static MemoryReport Of(IEnumerable<(string Name, int ProcessId)> processes)
    {
        var children = Children();
        return new MemoryReport([.. processes.Select(process => (process.Name, Tree(process.ProcessId, children).Sum(Bytes)))]);
    }

    private static long Megabytes(long bytes) => (bytes + (1 << 19)) >> 20;

    private static IEnumerable<int> Tree(int processId, ILookup<int, int> children) =>
        children[processId].SelectMany(child => Tree(child, children)).Prepend(processId);

    // Only Linux lists parents cheaply; elsewhere the children of Postgres are left out.
    private static ILookup<int, int> Children()
    {
        if (!OperatingSystem.IsLinux())
        {
            return Array.Empty<int>().ToLookup(id => id);
        }
        return Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && id != Environment.ProcessId && ParentOf(id) != Environment.ProcessId)
            .ToLookup(ParentOf, id => id);
    }

    private static int ParentOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{processId}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static long Bytes(int processId)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                var line = File.ReadLines($"/proc/{processId}/smaps_rollup").First(text => text.StartsWith("Pss:", StringComparison.Ordinal));
                return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            // Another user's process, or gone: the resident size may still be told.
        }
        try
        {
            using var process = Process.GetProcessById(processId);
            return process.WorkingSet64;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return 0;
        }
    }
}
