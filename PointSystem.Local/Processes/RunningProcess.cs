using System.Diagnostics;
using System.Globalization;

namespace PointSystem.Local.Processes;

/// <summary>One started process: its output read line by line, its input held open, its end awaited.</summary>
internal sealed class RunningProcess : IDisposable
{
    private readonly Process _process;
    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private RunningProcess(Process process)
    {
        _process = process;
        Identity = ProcessIdentity.Of(process);
    }

    public ProcessIdentity Identity { get; }

    /// <summary>Completes with the exit code.</summary>
    public Task<int> Exited => _exited.Task;

    /// <param name="spec">What to start.</param>
    /// <param name="onLine">Called from a reader thread with each line that the process writes.</param>
    /// <param name="beforeStart">Called when the process id is known and before a foreign program begins: the moment to tell the reaper.</param>
    public static RunningProcess Start(ProcessSpec spec, Action<string> onLine, Action<ProcessIdentity> beforeStart)
    {
        var info = new ProcessStartInfo
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = spec.WorkingDirectory ?? "",
        };
        var waitsForGo = SetCommand(info, spec);
        foreach (var (key, value) in spec.Environment)
        {
            info.Environment[key] = value;
        }
        var process = new Process { StartInfo = info, EnableRaisingEvents = true };
        process.Start();
        var running = new RunningProcess(process);
        process.Exited += (_, _) => running._exited.TrySetResult(process.ExitCode);
        running.Read(spec.Name, process.StandardOutput, onLine);
        running.Read(spec.Name, process.StandardError, onLine);
        beforeStart(running.Identity);
        if (waitsForGo)
        {
            running.Go();
        }
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
            // The other end is gone, and with it the need.
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

    public void Dispose() => _process.Dispose();

    private static bool SetCommand(ProcessStartInfo info, ProcessSpec spec)
    {
        if (OperatingSystem.IsWindows())
        {
            info.FileName = spec.FileName;
            info.CreateNewProcessGroup = true;
            Add(info, spec.Arguments);
            return false;
        }
        if (spec.EndsWithInput && spec.RunAs is null && Executables.OnPath("setsid") is { } setsid)
        {
            info.FileName = setsid;
            Add(info, [spec.FileName, .. spec.Arguments]);
            return false;
        }
        info.FileName = DotnetHost.Path;
        Add(info, DotnetHost.Verb(ExecCommand.Name, ExecCommand.Arguments(spec.RunAs)));
        Add(info, [spec.FileName, .. spec.Arguments]);
        return true;
    }

    private static void Add(ProcessStartInfo info, IEnumerable<string> arguments)
    {
        foreach (var argument in arguments)
        {
            info.ArgumentList.Add(argument);
        }
    }

    private void Go()
    {
        try
        {
            _process.StandardInput.Write(ExecCommand.Go);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It ended before it began; Exited says so.
        }
    }

    // Threads of their own: reading a pipe blocks, and a dozen blocked pool threads would starve the gateway that shares this process.
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
            // The pipe went away with its process.
        }
    }
}
