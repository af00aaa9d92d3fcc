using PointSystem.Api.Persistence;
using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

/// <summary>Executes batches by the ledger, and knows which failures left nothing behind.</summary>
internal sealed class LedgerBatchHandler(PointLedger ledger) : IBatchHandler<IPointCommand, CommandOutcome>
{
    public Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, TimeSpan workLimit, CancellationToken cancellationToken) =>
        ledger.ExecuteAsync(commands, rowLockWait, workLimit, cancellationToken);

    public long Affinity(IPointCommand command) => command.MemberId;

    public BatchFault Classify(Exception failure) => DatabaseErrors.FaultOf(failure);
}
