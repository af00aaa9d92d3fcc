using PointSystem.Api.Ledger;
using PointSystem.Locking;

namespace PointSystem.Bench.Host;

/// <summary>Executes as the product does, or, while a guard is set, each command within that guard.</summary>
internal sealed class GuardedBatchHandler(LedgerBatchHandler product) : IBatchHandler<IPointCommand, CommandOutcome>
{
    private volatile IGuard? _guard;

    /// <summary>Null: none; as the product does it.</summary>
    public IGuard? Guard
    {
        get => _guard;
        set => _guard = value;
    }

    public Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, CancellationToken cancellationToken) =>
        _guard is { } guard
            ? guard.ExecuteAsync(commands, rowLockWait, product.ExecuteAsync, cancellationToken)
            : product.ExecuteAsync(commands, rowLockWait, cancellationToken);

    public long Affinity(IPointCommand command) => product.Affinity(command);

    public BatchFault Classify(Exception failure) => product.Classify(failure);
}

/// <summary>How the ledger executes commands in one transaction.</summary>
internal delegate Task<IReadOnlyList<CommandOutcome>> Transaction(
    IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, CancellationToken cancellationToken);

/// <summary>Something around the transaction, or in its place.</summary>
internal interface IGuard
{
    Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, Transaction transaction, CancellationToken cancellationToken);
}
