using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

/// <summary>Sends a command on its way: first the locks that its type declares, then the ledger.</summary>
internal sealed class PointCommands(LockedExecutor locks, PointLedger ledger)
{
    /// <exception cref="LockNotAcquiredException">Somebody else held the lock during the whole wait.</exception>
    public Task<CommandOutcome> SendAsync<TCommand>(TCommand command, CancellationToken cancellationToken)
        where TCommand : class, IPointCommand =>
        locks.ExecuteAsync(
            command,
            async (scope, token) => (await ledger.ExecuteAsync([command], scope.RowLockWait, token))[0],
            cancellationToken);
}
