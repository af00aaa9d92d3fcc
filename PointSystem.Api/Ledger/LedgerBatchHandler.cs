using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

/// <summary>Executes batches by the ledger, and knows which failures left nothing behind.</summary>
internal sealed class LedgerBatchHandler(PointLedger ledger) : IBatchHandler<IPointCommand, CommandOutcome>
{
    public Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, TimeSpan workLimit, CancellationToken cancellationToken) =>
        ledger.ExecuteAsync(commands, rowLockWait, workLimit, cancellationToken);

    public long Affinity(IPointCommand command) => command.MemberId;

    public BatchFault Classify(Exception failure) => failure switch
    {
        _ when DatabaseFaults.IsLockTimeout(failure) => BatchFault.Busy,

        // We were paused between loading and writing. The server rolled back before it read any of what we sent then.
        _ when DatabaseFaults.IsIdleTimeout(failure) => BatchFault.RolledBack,

        // Too much for one statement. One member's command may be the cause; split, the others are done.
        _ when DatabaseFaults.IsStatementLimit(failure) => BatchFault.RolledBack,
        _ when DatabaseFaults.IsAway(failure) => BatchFault.Away,

        // Postgres has answered with an error, so the rest of the batch, its COMMIT too, was skipped.
        PostgresException => BatchFault.RolledBack,

        // The answer is missing: the COMMIT may have arrived.
        NpgsqlException or OperationCanceledException or IOException or TimeoutException => BatchFault.Unknown,

        // Thrown by code of ours, while it decided or before it wrote.
        _ => BatchFault.RolledBack,
    };
}
