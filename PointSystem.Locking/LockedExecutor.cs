using Microsoft.Extensions.Logging;
using PointSystem.Locking.Keys;

namespace PointSystem.Locking;

/// <summary>Runs a command's work under the locks that its <see cref="DistributedLockAttribute"/>s declare.</summary>
public sealed class LockedExecutor
{
    private readonly CommandLockTable _table;
    private readonly DistributedLocks _locks;
    private readonly TimeProvider _clock;
    private readonly ILogger<LockedExecutor> _logger;

    internal LockedExecutor(CommandLockTable table, DistributedLocks locks, TimeProvider clock, ILogger<LockedExecutor> logger)
    {
        _table = table;
        _locks = locks;
        _clock = clock;
        _logger = logger;
    }

    /// <summary>
    /// Takes the command's locks in order and all or nothing, runs the work, and gives the locks back in the background.
    /// The token the work gets is cancelled by the caller or a margin before the shortest lease ends.
    /// </summary>
    /// <exception cref="LockNotAcquiredException">A lock was not free within the wait. The work did not run.</exception>
    /// <exception cref="LeaseEndedException">The work was cancelled because its lease was about to end.</exception>
    /// <exception cref="ArgumentException">A property that a key needs is empty.</exception>
    /// <exception cref="InvalidOperationException">The command's type was not registered with <c>AddLockedCommands</c>.</exception>
    public async Task<TResult> ExecuteAsync<TCommand, TResult>(
        TCommand command, Func<LockScope, CancellationToken, Task<TResult>> work, CancellationToken cancellationToken)
        where TCommand : notnull
    {
        ArgumentNullException.ThrowIfNull(work);
        var arrivedAt = _clock.GetTimestamp();
        var locks = _table.For<TCommand>();
        var keys = locks.Resolve(command);
        var handles = new List<LockHandle>(keys.Count);
        try
        {
            foreach (var (key, options) in keys)
            {
                handles.Add(await TakeAsync(key, options, locks.Wait, arrivedAt, cancellationToken));
            }
            var scope = new LockScope([.. keys.Select(keyed => keyed.Key)], handles.Exists(handle => handle.IsFallback), locks.Wait, arrivedAt, _clock);
            return await RunAsync(scope, handles, work, cancellationToken);
        }
        finally
        {
            for (var last = handles.Count - 1; last >= 0; last--)
            {
                await handles[last].DisposeAsync();
            }
        }
    }

    private async Task<LockHandle> TakeAsync(string key, LockOptions options, TimeSpan wait, long arrivedAt, CancellationToken cancellationToken)
    {
        // What the earlier locks of the command have waited is spent.
        var left = wait - _clock.GetElapsedTime(arrivedAt);
        return await _locks.MeasureAsync(key, options, left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken)
            ?? throw new LockNotAcquiredException(key, wait);
    }

    private async Task<TResult> RunAsync<TResult>(
        LockScope scope, List<LockHandle> handles, Func<LockScope, CancellationToken, Task<TResult>> work, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource([cancellationToken, .. handles.Select(handle => handle.LeaseEnding)]);
        try
        {
            return await work(scope, ending.Token);
        }
        catch (Exception failure) when (IsCancellation(failure) && ending.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            _logger.LeaseEnded(string.Join(" and ", scope.Keys));
            throw new LeaseEndedException(scope.Keys, failure);
        }
    }

    // Data access wraps a cancellation now and then.
    private static bool IsCancellation(Exception failure) => failure is OperationCanceledException || failure.InnerException is OperationCanceledException;
}
