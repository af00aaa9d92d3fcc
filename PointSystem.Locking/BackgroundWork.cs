using Microsoft.Extensions.Logging;

namespace PointSystem.Locking;

/// <summary>Work off the caller's path (releasing locks, probes, clean-up), counted so that the shutdown can wait for it.</summary>
internal sealed class BackgroundWork : IDisposable
{
    private readonly ILogger<BackgroundWork> _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stoppingToken;
    private readonly Lock _sync = new();
    private TaskCompletionSource? _drained;
    private int _running;

    public BackgroundWork(ILogger<BackgroundWork> logger)
    {
        _logger = logger;
        _stoppingToken = _stopping.Token;
    }

    /// <summary>
    /// Starts the work. Its token is cancelled at shutdown: the work should then skip its pauses but still finish what is due.
    /// </summary>
    public void Run(Func<CancellationToken, Task> work)
    {
        lock (_sync)
        {
            _running++;
        }
        _ = RunAsync(work);
    }

    /// <summary>Signals the shutdown and waits until all work is done, or until the token is cancelled.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        Task drained;
        lock (_sync)
        {
            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_running == 0)
            {
                _drained.TrySetResult();
            }
            drained = _drained.Task;
        }
        await drained.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _stopping.Dispose();

    private async Task RunAsync(Func<CancellationToken, Task> work)
    {
        try
        {
            await Task.Run(() => work(_stoppingToken), CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            // The shutdown cut a pause short.
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Nothing awaits this work, so an exception would be lost.
            _logger.BackgroundWorkFailed(failure);
        }
        finally
        {
            lock (_sync)
            {
                if (--_running == 0)
                {
                    _drained?.TrySetResult();
                }
            }
        }
    }
}
