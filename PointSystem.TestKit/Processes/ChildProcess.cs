using System.Collections.Concurrent;
using System.Diagnostics;
using PointSystem.Local.Processes;

namespace PointSystem.TestKit;

/// <summary>A program started by a test. Keeps its output and guarantees its end.</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>All lines so far, from both streams.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Starts a program with a standard input that stays open until <see cref="CloseInput"/>.</summary>
    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Added to this process's environment; null removes a variable.</param>
    /// <param name="userName">The user to run as; null = the user of this process.</param>
    /// <param name="directory">The working directory; null = that of this process.</param>
    public static ChildProcess Start(
        string file,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? userName = null,
        string? directory = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (directory is not null)
        {
            start.WorkingDirectory = directory;
        }
        if (userName is not null)
        {
            start.UserName = userName;
        }
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }
        var child = new ChildProcess(new Process { StartInfo = start });
        child._process.Start();
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Starts PointSystem.Local with a verb and its options.</summary>
    public static ChildProcess StartLocal(IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null) =>
        Start(DotnetHost.Path, [DotnetHost.LocalAssembly, .. arguments], environment);

    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Kills the process like <c>kill -9</c> and waits until it has exited.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <summary>Sends a signal by its name, such as STOP, CONT or TERM; Unix only.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        await kill.WaitForExitAsync(CancellationToken.None);
        if (kill.ExitCode != 0)
        {
            throw new InvalidOperationException($"kill -{signal} {_process.Id} ended with exit code {kill.ExitCode}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _output.Enqueue(line);
        }
    }
}
