using System.Diagnostics;

namespace PointSystem.Local.Processes;

/// <summary>The runner's end of the reaper: tells it of every child, and starts it again should it die.</summary>
internal sealed class Reaper(Action<string> report) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, (ProcessIdentity Process, ProcessSpec Spec)> _tracked = [];
    private Process? _process;
    private bool _disposed;

    public int? ProcessId
    {
        get
        {
            lock (_gate)
            {
                return _process?.Id;
            }
        }
    }

    public void Start()
    {
        lock (_gate)
        {
            StartCore();
        }
    }

    /// <summary>Returns once the reaper knows the process.</summary>
    public void Track(ProcessIdentity process, ProcessSpec spec)
    {
        lock (_gate)
        {
            _tracked[process.ProcessId] = (process, spec);
            Send(ReaperCommand.Track(process, spec));
        }
    }

    public void Forget(ProcessIdentity process)
    {
        lock (_gate)
        {
            // The id may have been given to a new child of ours meanwhile.
            if (_tracked.TryGetValue(process.ProcessId, out var known) && known.Process == process)
            {
                _tracked.Remove(process.ProcessId);
                Send(ReaperCommand.Forget(process));
            }
        }
    }

    /// <summary>Closes the pipe: whatever is still tracked is ended by the reaper.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _process?.StandardInput.Close();
            _process?.WaitForExit(TimeSpan.FromSeconds(1));
            _process?.Dispose();
            _process = null;
        }
    }

    private void Send(string line)
    {
        if (_disposed || TrySend(line))
        {
            return;
        }
        report("The reaper died and is started again.");
        // A new one is told everything, this line's subject included.
        StartCore();
    }

    private bool TrySend(string line)
    {
        try
        {
            _process!.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
            return _process.StandardOutput.ReadLine() is not null;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void StartCore()
    {
        var info = new ProcessStartInfo
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetPathRoot(AppContext.BaseDirectory),
        };
        // It waits and does nothing else: no need for a heap of its parent's size.
        info.Environment["DOTNET_GCHeapHardLimit"] = "0x2000000";
        info.FileName = DotnetHost.Path;
        foreach (var argument in DotnetHost.Verb(ReaperCommand.Name))
        {
            info.ArgumentList.Add(argument);
        }
        if (OperatingSystem.IsWindows())
        {
            info.CreateNewProcessGroup = true;
        }
        _process?.Dispose();
        _process = Process.Start(info) ?? throw new InvalidOperationException("The reaper did not start.");
        foreach (var (process, spec) in _tracked.Values)
        {
            TrySend(ReaperCommand.Track(process, spec));
        }
    }
}
