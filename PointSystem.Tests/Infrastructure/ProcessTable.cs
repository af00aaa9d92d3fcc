using System.Diagnostics;
using System.Globalization;

namespace PointSystem.Tests.Infrastructure;

/// <summary>The processes of the system, as listed by <c>ps</c>. Empty on Windows.</summary>
internal static class ProcessTable
{
    /// <summary>Aspire's orchestrator of an app host and all processes that it has started; they run in a session of their own.</summary>
    public static IReadOnlyList<ProcessIdentity> OfOrchestrator(int appHost)
    {
        var all = List();
        var sessions = all.Where(row => row.Command.Contains($"--monitor {appHost} ", StringComparison.Ordinal))
            .SelectMany(root => all.Where(row => row.Parent == root.Id || row.Id == root.Id))
            .Select(row => row.Session)
            .ToHashSet();
        return [.. all.Where(row => sessions.Contains(row.Session) || all.Any(parent => parent.Id == row.Parent && sessions.Contains(parent.Session)))
            .Select(row => Identity(row.Id)).OfType<ProcessIdentity>()];
    }

    /// <summary>The processes whose environment contains <paramref name="variable"/> (<c>NAME=value</c>). Linux only.</summary>
    public static IReadOnlyList<ProcessIdentity> WithEnvironment(string variable) =>
        [.. List().Where(row => EnvironmentOf(row.Id).Split('\0').Contains(variable)).Select(row => Identity(row.Id)).OfType<ProcessIdentity>()];

    /// <summary>The command lines of all processes, as every user of the machine sees them.</summary>
    public static IReadOnlyList<string> CommandLines() => [.. List().Select(row => row.Command)];

    private static List<(int Id, int Parent, int Session, string Command)> List()
    {
        if (OperatingSystem.IsWindows())
        {
            return [];
        }
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-A", "-o", "pid=,ppid=,sess=,args="]) { RedirectStandardOutput = true })!;
        return [.. ps.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', 4, StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields.Length == 4)
            .Select(fields => (Number(fields[0]), Number(fields[1]), Number(fields[2]), fields[3]))];
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static ProcessIdentity? Identity(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return ProcessIdentity.Of(process);
        }
        catch (ArgumentException)
        {
            // It ended after the list was made.
            return null;
        }
    }

    private static string EnvironmentOf(int id)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/environ"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
