using PointSystem.Api.Ledger;
using PointSystem.Locking;

namespace PointSystem.Bench.Host;

/// <summary>Executes commands like the product, or, while a guard is set, each command within that guard.</summary>
internal sealed class GuardedBatchHandler(PointLedger product) : IBatchHandler<IPointCommand, CommandOutcome>
{
    private volatile IGuard? _guard;

    /// <summary>The guard; null for the product's own way.</summary>
    public IGuard? Guard
    {
        get => _guard;
        set => _guard = value;
    }

    public Task<IReadOnlyList<CommandOutcome?>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, CancellationToken cancellationToken) =>
        _guard is { } guard
            ? guard.ExecuteAsync(commands, rowLockWait, () => product.ExecuteAsync(commands, rowLockWait, cancellationToken), cancellationToken)
            : product.ExecuteAsync(commands, rowLockWait, cancellationToken);

    public long Affinity(IPointCommand command) => product.Affinity(command);

    public BatchFault Classify(Exception failure) => product.Classify(failure);
}

/// <summary>Something around the transaction, or instead of it.</summary>
internal interface IGuard
{
    /// <param name="commands">The commands to execute.</param>
    /// <param name="rowLockWait">Maximum wait for a row lock.</param>
    /// <param name="transaction">Executes the commands in one transaction, like mode row.</param>
    /// <param name="cancellationToken">Cancels the execution.</param>
    Task<IReadOnlyList<CommandOutcome?>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, Func<Task<IReadOnlyList<CommandOutcome?>>> transaction,
        CancellationToken cancellationToken);
}
