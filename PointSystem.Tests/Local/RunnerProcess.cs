using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using PointSystem.Local.Processes;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Local;

/// <summary>The app host as a process, as <c>dotnet run</c> starts it.</summary>
internal sealed partial class RunnerProcess : IAsyncDisposable
{
    private readonly ChildProcess _process;

    private RunnerProcess(ChildProcess process, string dataDirectory)
    {
        _process = process;
        DataDirectory = dataDirectory;
    }

    public int Id => _process.Id;

    public string DataDirectory { get; }

    public string Output => _process.Output;

    public int ExitCode => _process.ExitCode;

    public Uri Gateway => new(GatewayLine().Match(Output).Groups[1].Value);

    /// <summary>Starts it with as few parts as the test needs.</summary>
    public static RunnerProcess Start(string dataDirectory, params string[] arguments) => Start(dataDirectory, null, arguments);

    public static RunnerProcess Start(string dataDirectory, IReadOnlyDictionary<string, string?>? environment, params string[] arguments)
    {
        var program = typeof(RunnerProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "PointSystem.RunnerAssembly").Value!;
        return new RunnerProcess(ChildProcess.Start(DotnetHost.Path, [program, "--port", "0", "--data", dataDirectory, .. arguments], environment), dataDirectory);
    }

    public static async Task<RunnerProcess> StartReadyAsync(string dataDirectory, string[] arguments, CancellationToken cancellationToken)
    {
        var runner = Start(dataDirectory, arguments);
        await runner.WaitUntilReadyAsync(cancellationToken);
        return runner;
    }

    public async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        await Eventually.TrueAsync(
            () => Task.FromResult(_process.HasExited || Output.Contains("  memory ", StringComparison.Ordinal)), () => "Not ready: " + Output, cancellationToken);
        Assert.False(_process.HasExited, Output);
    }

    public Task SignalAsync(string signal) => _process.SignalAsync(signal);

    public Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <summary>Kills the runner alone, so that nobody but the reaper is left to end its children.</summary>
    public async Task KillAloneAsync(CancellationToken cancellationToken)
    {
        await SignalAsync("KILL");
        await WaitForExitAsync(cancellationToken);
    }

    /// <summary>Every process below the runner, Postgres' own children included.</summary>
    public async Task<IReadOnlyList<ProcessIdentity>> DescendantsAsync()
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-A", "-o", "pid=,ppid="]) { RedirectStandardOutput = true })!;
        var lines = (await ps.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var children = lines
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToArray())
            .ToLookup(pair => pair[1], pair => pair[0]);
        var found = new List<ProcessIdentity>();
        var open = new Stack<int>(children[Id]);
        while (open.TryPop(out var id))
        {
            try
            {
                using var process = Process.GetProcessById(id);
                found.Add(ProcessIdentity.Of(process));
                foreach (var child in children[id])
                {
                    open.Push(child);
                }
            }
            catch (ArgumentException)
            {
                // It ended between the list and the look.
            }
        }
        return found;
    }

    /// <summary>The process of a replica, by its address. Linux only.</summary>
    public async Task<ProcessIdentity> ReplicaAsync(string name)
    {
        var port = Regex.Match(Output, $@"  {name} +http://127\.0\.0\.1:(\d+)").Groups[1].Value;
        var candidates = await DescendantsAsync();
        return candidates.First(process => EnvironmentOf(process.ProcessId).Contains($"ASPNETCORE_URLS=http://127.0.0.1:{port}", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync() => await _process.DisposeAsync();

    private static string EnvironmentOf(int processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    [GeneratedRegex(@"gateway +(http://\S+)")]
    private static partial Regex GatewayLine();
}
