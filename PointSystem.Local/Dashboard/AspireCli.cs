using System.Runtime.InteropServices;
using PointSystem.Local.Npm;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Dashboard;

/// <summary>Aspire's command line, which brings the dashboard along: an installed one that has it, else the npm package <c>@microsoft/aspire-cli-…</c>.</summary>
internal static class AspireCli
{
    /// <summary>The version that is fetched where none is installed.</summary>
    public const string Version = "13.5.4";

    private const string Instead = "install the Aspire CLI (https://aspire.dev)";
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(15);

    /// <summary>The path of a program that can run the dashboard.</summary>
    /// <exception cref="LocalException">There is none, and none can be fetched.</exception>
    public static async Task<string> GetAsync(string cache, Action<string> progress, CancellationToken cancellationToken) =>
        await FindInstalledAsync(cancellationToken) ?? await FetchAsync(cache, progress, cancellationToken);

    /// <summary>An installed one; null where there is none or it is too old for the dashboard.</summary>
    public static async Task<string?> FindInstalledAsync(CancellationToken cancellationToken)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string?[] candidates =
        [
            Executables.OnPath("aspire"),
            Executables.In("aspire", Path.Combine(home, ".aspire", "bin")),
            Executables.In("aspire", Path.Combine(home, ".dotnet", "tools")),
        ];
        foreach (var candidate in candidates.OfType<string>())
        {
            if (await HasDashboardAsync(candidate, cancellationToken))
            {
                return candidate;
            }
        }
        return null;
    }

    /// <summary>The package for this machine; null where there is none.</summary>
    internal static string? Package()
    {
        var system = OperatingSystem.IsWindows() ? "win"
            : OperatingSystem.IsMacOS() ? "osx"
            : OperatingSystem.IsLinux() ? RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? "linux-musl" : "linux"
            : null;
        return (system, RuntimeInformation.OSArchitecture) switch
        {
            (null, _) or ("linux-musl", not Architecture.X64) => null,
            (_, Architecture.X64) => $"@microsoft/aspire-cli-{system}-x64",
            (_, Architecture.Arm64) => $"@microsoft/aspire-cli-{system}-arm64",
            _ => null,
        };
    }

    private static async Task<string> FetchAsync(string cache, Action<string> progress, CancellationToken cancellationToken)
    {
        var name = Package() ?? throw new LocalException($"npm has no Aspire CLI for {RuntimeInformation.RuntimeIdentifier}: {Instead}.");
        var package = new NpmPackage(name, Version, Instead);
        var folder = await package.GetAsync(
            Path.Combine(cache, $"{Path.GetFileName(name)}-{Version}"),
            fetched => NpmPackage.MakeExecutable(Path.Combine(fetched, "bin")),
            progress,
            "Aspire's dashboard, about 150 MB",
            cancellationToken);
        return Path.Combine(folder, "bin", OperatingSystem.IsWindows() ? "aspire.exe" : "aspire");
    }

    private static async Task<bool> HasDashboardAsync(string program, CancellationToken cancellationToken)
    {
        var spec = new ProcessSpec { Name = "aspire", FileName = program, Arguments = ["dashboard", "run", "--help"], Environment = DashboardServer.Environment };
        try
        {
            var (exitCode, lines) = await OneShot.RunAsync(spec, null, null, AnswerLimit, cancellationToken);
            return exitCode == 0 && lines.Any(line => line.Contains(DashboardServer.OtlpOption, StringComparison.Ordinal));
        }
        catch (Exception e) when (e is TimeoutException or System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
