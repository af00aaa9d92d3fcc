using System.Diagnostics;
using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>
/// A started process: its output is read line by line, its input is held open, its exit is awaited. It does not outlive this process.
/// </summary>
internal sealed class RunningProcess : IDisposable
{
    private readonly Process _process;
    private readonly OrphanGuard? _guard;
    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private RunningProcess(Process process, ProcessSpec spec)
    {
        _process = process;
        Identity = ProcessIdentity.Of(process);
        // PostgreSQL's processes share memory: QUIT ends all of them at once, KILL would leave the others behind.
        _guard = spec.EndsWithInput ? null : OrphanGuard.Over(process.Id, "QUIT");
    }

    public ProcessIdentity Identity { get; }

    /// <summary>Completes with the exit code.</summary>
    public Task<int> Exited => _exited.Task;

    /// <param name="spec">What to start.</param>
    /// <param name="onLine">Called from a reader thread with each line that the process writes.</param>
    public static RunningProcess Start(ProcessSpec spec, Action<string> onLine)
    {
        var info = new ProcessStartInfo(spec.FileName, spec.Arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = spec.WorkingDirectory ?? "",
        };
        if (spec.UserName is not null)
        {
            info.UserName = spec.UserName;
        }
        foreach (var (key, value) in spec.Environment)
        {
            info.Environment[key] = value;
        }
        var process = new Process { StartInfo = info, EnableRaisingEvents = true };
        process.Start();
        var running = new RunningProcess(process, spec);
        process.Exited += (_, _) => running._exited.TrySetResult(process.ExitCode);
        running.Read(spec.Name, process.StandardOutput, onLine);
        running.Read(spec.Name, process.StandardError, onLine);
        return running;
    }

    public void Signal(int signal)
    {
        if (!Exited.IsCompleted)
        {
            Native.Signal(Identity.ProcessId, signal);
        }
    }

    public void Kill()
    {
        if (!Exited.IsCompleted)
        {
            Identity.Kill();
        }
    }

    public void CloseInput()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The other end is already closed.
        }
    }

    public async Task<bool> WaitForExitAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            await Exited.WaitAsync(limit, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _guard?.Dispose();
        _process.Dispose();
    }

    // Dedicated threads: reading a pipe blocks, and a dozen blocked pool threads would starve the tests that share this process.
    private void Read(string name, StreamReader reader, Action<string> onLine) =>
        new Thread(() => ReadLines(reader, onLine), maxStackSize: 256 * 1024)
        {
            IsBackground = true,
            Name = string.Create(CultureInfo.InvariantCulture, $"output of {name} ({Identity.ProcessId})"),
        }.Start();

    private static void ReadLines(StreamReader reader, Action<string> onLine)
    {
        try
        {
            while (reader.ReadLine() is { } line)
            {
                onLine(line);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The pipe was closed with its process.
        }
    }
}
