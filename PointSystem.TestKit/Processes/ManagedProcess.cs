using System.Diagnostics;
using System.Globalization;
using PointSystem.Local;
using PointSystem.Local.Processes;

namespace PointSystem.TestKit;

/// <summary>A child process of the cluster: keeps it running, and lets tests break it.</summary>
public sealed class ManagedProcess : IAsyncDisposable
{
    private const int TailLength = 40;

    // Longer than a replica may take to drain and finish its work.
    private static readonly TimeSpan RestartGrace = TimeSpan.FromSeconds(30);
    private readonly Lock _gate = new();
    private readonly ClusterLog _log;
    private readonly Func<CancellationToken, Task<bool>> _probe;
    private readonly Queue<string> _tail = new();
    private readonly Backoff _backoff = new();
    private ProcessSpec _spec;
    private RunningProcess? _current;
    private Task<int>? _lastExit;
    private CancellationTokenSource _restart = new();
    private bool _stopping;

    internal ManagedProcess(ProcessSpec spec, ClusterLog log, Func<CancellationToken, Task<bool>> probe)
    {
        _spec = spec;
        _log = log;
        _probe = probe;
    }

    public string Name => _spec.Name;

    /// <summary>Whether a process that dies is restarted with back-off. Default false until the cluster is ready, then true.</summary>
    public bool AutoRestart { get; set; }

    /// <summary>Exit code of the last process that ended; negative or above 128 for a signal. Null if none has ended.</summary>
    public int? ExitCode
    {
        get
        {
            lock (_gate)
            {
                // Read from the process itself: the exit code exists as soon as it stops running, before its end has been recorded.
                var exit = _current is { Exited: { IsCompleted: true } current } ? current : _lastExit;
                return exit is { IsCompleted: true } ? exit.Result : null;
            }
        }
    }

    /// <summary>Number of restarts since the cluster was started.</summary>
    public int Restarts { get; private set; }

    /// <summary>Null while it is not running.</summary>
    public int? ProcessId => Current is { Exited.IsCompleted: false } running ? running.Identity.ProcessId : null;

    public bool IsRunning => ProcessId is not null;

    private RunningProcess? Current
    {
        get
        {
            lock (_gate)
            {
                return _current;
            }
        }
    }

    /// <summary>Starts it unless it is running. Does not wait until it is ready.</summary>
    public void Start()
    {
        lock (_gate)
        {
            _restart.Cancel();
            _restart = new CancellationTokenSource();
            _stopping = false;
            if (_current is null or { Exited.IsCompleted: true })
            {
                Launch();
            }
        }
    }

    /// <summary>Waits until it is ready.</summary>
    /// <exception cref="LocalException">It ended and is not restarted, or took longer than
    /// <paramref name="limit"/>.</exception>
    public async Task WaitUntilReadyAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        while (!await ProbeAsync(cancellationToken))
        {
            if (!IsRunning && !AutoRestart)
            {
                // Its last lines may still be in the pipe.
                await Task.Delay(100, cancellationToken);
                throw new LocalException($"{Name} ended before it was ready. Its last lines:\n{Tail()}");
            }
            if (watch.Elapsed > limit)
            {
                throw new LocalException($"{Name} was not ready after {limit.TotalSeconds:0} s. Its last lines:\n{Tail()}");
            }
            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>Sends SIGKILL. Completes when the process has exited; <see cref="AutoRestart"/> may restart it.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        if (Current is { } running)
        {
            running.Kill();
            await running.Exited.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Sends SIGSTOP: the process hangs, its connections stay open. Not on Windows.</summary>
    public void Suspend() => SignalOrThrow(Native.SigStop);

    /// <summary>Sends SIGCONT after <see cref="Suspend"/>.</summary>
    public void Resume() => SignalOrThrow(Native.SigContinue);

    /// <summary>Requests a shutdown, and kills the process after <paramref name="grace"/>. It is not restarted automatically.</summary>
    public Task StopAsync(TimeSpan grace, CancellationToken cancellationToken) => StopAsync(RequestEndAsync, grace, cancellationToken);

    /// <summary>
    /// Like <see cref="StopAsync(TimeSpan, CancellationToken)"/>, for the end of the whole cluster: our own programs skip the drain delay
    /// when their standard input ends.
    /// </summary>
    internal Task EndAsync(TimeSpan grace, CancellationToken cancellationToken) => StopAsync(
        (running, _) =>
        {
            running.CloseInput();
            return Task.CompletedTask;
        },
        grace,
        cancellationToken);

    /// <summary>Shuts it down, starts it again and waits until it is ready.</summary>
    /// <param name="environment">Changes to its environment, also for later starts; null removes a variable.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public async Task RestartAsync(IReadOnlyDictionary<string, string?>? environment, CancellationToken cancellationToken)
    {
        await StopAsync(RestartGrace, cancellationToken);
        if (environment is not null)
        {
            var merged = new Dictionary<string, string?>(_spec.Environment);
            foreach (var (key, value) in environment)
            {
                merged[key] = value;
            }
            _spec = _spec with { Environment = merged };
        }
        Start();
        await WaitUntilReadyAsync(TimeSpan.FromSeconds(60), cancellationToken);
    }

    /// <inheritdoc cref="RestartAsync(IReadOnlyDictionary{string, string?}?, CancellationToken)"/>
    public Task RestartAsync(CancellationToken cancellationToken) => RestartAsync(null, cancellationToken);

    /// <summary>Its last lines, newest last.</summary>
    public string Tail()
    {
        lock (_tail)
        {
            return string.Join('\n', _tail.Select(line => "    " + line));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.FromSeconds(2), CancellationToken.None);
        lock (_gate)
        {
            _current?.Dispose();
            _lastExit = _current?.Exited ?? _lastExit;
            _current = null;
            _restart.Dispose();
        }
    }

    internal async Task<bool> ProbeAsync(CancellationToken cancellationToken) => IsRunning && await _probe(cancellationToken);

    private static async Task DelayAsync(TimeSpan wait, CancellationToken cancellationToken) =>
        await Task.Delay(wait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task StopAsync(Func<RunningProcess, CancellationToken, Task> ask, TimeSpan grace, CancellationToken cancellationToken)
    {
        RunningProcess? running;
        lock (_gate)
        {
            _stopping = true;
            _restart.Cancel();
            running = _current;
        }
        if (running is null || running.Exited.IsCompleted)
        {
            return;
        }
        await ask(running, cancellationToken);
        if (!await running.WaitForExitAsync(grace, cancellationToken))
        {
            _log.Say($"{Name} did not end within {grace.TotalSeconds:0.0} s; killing it.");
            running.Kill();
            await running.WaitForExitAsync(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    private async Task RequestEndAsync(RunningProcess running, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows())
        {
            running.Signal(_spec.StopSignal);
        }
        else if (_spec.StopOnWindows is { } stop)
        {
            await stop(cancellationToken);
        }
        else if (_spec.EndsWithInput)
        {
            running.CloseInput();
        }
        else
        {
            running.Kill();
        }
    }

    private void SignalOrThrow(int signal)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("Windows has no signal that stops and continues a process.");
        }
        Current?.Signal(signal);
    }

    // Under _gate.
    private void Launch()
    {
        var clock = Stopwatch.StartNew();
        var previous = _current;
        var running = RunningProcess.Start(_spec, OnLine);
        _current = running;
        _lastExit = previous?.Exited;
        previous?.Dispose();
        _ = running.Exited.ContinueWith(
            exited => _ = OnExitedAsync(running, exited.Result, clock.Elapsed), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private async Task OnExitedAsync(RunningProcess running, int exitCode, TimeSpan ran)
    {
        CancellationToken cancelled;
        lock (_gate)
        {
            if (_stopping || running != _current)
            {
                return;
            }
            cancelled = _restart.Token;
        }
        var ended = string.Create(CultureInfo.InvariantCulture, $"{Name} (process {running.Identity.ProcessId}) ended with {DescribeExit(exitCode)}");
        if (!AutoRestart)
        {
            _log.Say($"{ended}; it is not restarted.");
            return;
        }
        var wait = _backoff.Next(ran);
        _log.Say(string.Create(CultureInfo.InvariantCulture, $"{ended}; restarting it in {wait.TotalMilliseconds:0} ms."));
        await DelayAsync(wait, cancelled);
        lock (_gate)
        {
            if (cancelled.IsCancellationRequested || _stopping)
            {
                return;
            }
            Restarts++;
            Launch();
        }
    }

    private static string DescribeExit(int code) => code switch
    {
        > 128 and < 160 => string.Create(CultureInfo.InvariantCulture, $"signal {code - 128}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"exit code {code}"),
    };

    private void OnLine(string line)
    {
        lock (_tail)
        {
            _tail.Enqueue(line);
            if (_tail.Count > TailLength)
            {
                _tail.Dequeue();
            }
        }
        _log.Write(Name, line);
    }
}
