using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using PointSystem.Bench.Servers;

namespace PointSystem.Bench.Reports;

/// <summary>The machine of a measurement.</summary>
internal sealed record Machine(string Cpu, int Cores, double MemoryGiB, string OperatingSystem, string DotNet, string Servers)
{
    public static async Task<Machine> ReadAsync(BenchCluster? cluster, CancellationToken cancellationToken)
    {
        var servers = "";
        if (cluster is not null)
        {
            var postgres = await cluster.ScalarAsync<string>("SELECT split_part(version(), ' ', 2)", cancellationToken);
            servers = $"PostgreSQL {postgres}; {cluster.Local.Description}";
        }

        return new Machine(
            CpuModel(),
            Environment.ProcessorCount,
            Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1024.0 / 1024 / 1024, 1),
            RuntimeInformation.OSDescription,
            Environment.Version.ToString(),
            servers);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Cpu}, {Cores} cores, {MemoryGiB} GiB; {OperatingSystem}; .NET {DotNet}{(Servers.Length > 0 ? "; " + Servers : "")}");

    /// <summary>Returns the commit of the sources; <c>unknown</c> without git.</summary>
    public static string Commit(string? repository)
    {
        var hash = Git(repository, "rev-parse --short=10 HEAD");
        var changes = Git(repository, "status --porcelain --untracked-files=no -- . :!bench :!docs :!README.md");
        return hash.Length == 0 ? "unknown" : hash + (changes.Length > 0 ? "+" : "");
    }

    private static string Git(string? repository, string arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = repository ?? AppContext.BaseDirectory,
            });
            var text = git!.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? text : "";
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            return "";
        }
    }

    private static string CpuModel()
    {
        const string Info = "/proc/cpuinfo";
        var line = File.Exists(Info) ? File.ReadLines(Info).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
