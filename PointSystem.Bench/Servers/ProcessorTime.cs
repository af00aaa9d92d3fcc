using System.Globalization;

namespace PointSystem.Bench.Servers;

/// <summary>Processor time of the parts of a cluster, from /proc; empty on systems without it.</summary>
internal static class ProcessorTime
{
    // The unit of /proc/<pid>/stat on every Linux that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <summary>Seconds used so far: <c>api</c>, <c>sidecars</c>, <c>redis</c>, <c>postgres</c>, <c>gateway</c>, <c>load</c> (this process).</summary>
    public static IReadOnlyDictionary<string, double> Read(BenchCluster cluster)
    {
        if (!OperatingSystem.IsLinux())
        {
            return new Dictionary<string, double>();
        }

        var all = ReadAll();
        var local = cluster.Local;
        return new Dictionary<string, double>
        {
            ["api"] = local.Replicas.Sum(replica => Tree(replica.Process.ProcessId)),
            ["sidecars"] = local.Replicas.Sum(replica => Tree(replica.Sidecar.ProcessId)),
            ["redis"] = Tree(local.Redis.ProcessId),
            ["postgres"] = Tree(local.Postgres?.ProcessId),
            ["gateway"] = Tree(local.Gateway.ProcessId),
            ["load"] = all.TryGetValue(Environment.ProcessId, out var own) ? own.Seconds : 0,
        };

        double Tree(int? root) => root is null ? 0 : all.Where(entry => IsBelow(entry.Key, root.Value)).Sum(entry => entry.Value.Seconds);

        bool IsBelow(int id, int root)
        {
            while (id != root)
            {
                if (!all.TryGetValue(id, out var process) || process.Parent <= 1)
                {
                    return false;
                }

                id = process.Parent;
            }

            return true;
        }
    }

    /// <summary>Returns the time used between two readings.</summary>
    public static IReadOnlyDictionary<string, double> Between(IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after) =>
        after.ToDictionary(part => part.Key, part => part.Value - before.GetValueOrDefault(part.Key));

    private static Dictionary<int, (int Parent, double Seconds)> ReadAll()
    {
        var all = new Dictionary<int, (int Parent, double Seconds)>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var id))
            {
                continue;
            }

            try
            {
                var stat = File.ReadAllText(Path.Combine(directory, "stat"));

                // The name in parentheses may contain blanks. These are the fields from the third on; they include the process's own time
                // and that of its ended children.
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                all[id] = (Number(fields[1]), fields[11..15].Sum(Number) / TicksPerSecond);
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        return all;
    }

    private static int Number(string text) => (int)long.Parse(text, CultureInfo.InvariantCulture);
}
