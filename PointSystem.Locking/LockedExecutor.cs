namespace PointSystem.Locking;

/// <summary>Runs a command's work under the locks that its <see cref="DistributedLockAttribute"/>s declare.</summary>
public sealed class LockedExecutor
{
    /// <summary>
    /// Takes the command's locks in order and all or nothing, runs the work, and gives the locks back in the background.
    /// The token the work gets is cancelled by the caller or a margin before the shortest lease ends.
    /// </summary>
    /// <exception cref="LockNotAcquiredException">A lock was not free within the wait. The work did not run.</exception>
    /// <exception cref="LeaseEndedException">The work was cancelled because its lease was about to end.</exception>
    /// <exception cref="InvalidOperationException">The command's type was not registered with <c>AddLockedCommands</c>.</exception>
    public Task<TResult> ExecuteAsync<TCommand, TResult>(
        TCommand command, Func<LockScope, CancellationToken, Task<TResult>> work, CancellationToken cancellationToken)
        where TCommand : notnull =>
        throw new NotImplementedException();
}
