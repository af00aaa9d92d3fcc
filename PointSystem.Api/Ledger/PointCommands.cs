using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

/// <summary>Sends a command on its way: queue, locks and batch as its mode says, then the ledger.</summary>
internal sealed class PointCommands(CombiningExecutor<IPointCommand, CommandOutcome> executor)
{
    /// <exception cref="LockNotAcquiredException">Somebody else held the lock during the whole wait.</exception>
    /// <exception cref="QueueFullException">Too many commands wait.</exception>
    public Task<CommandOutcome> SendAsync<TCommand>(TCommand command, CancellationToken cancellationToken)
        where TCommand : class, IPointCommand =>
        executor.ExecuteAsync(command, cancellationToken);
}
