namespace PointSystem.Locking;

/// <summary>
/// Executes commands for a <see cref="CombiningExecutor{TCommand, TOutcome}"/>: all or nothing, under one commit, each
/// with an outcome of its own.
/// </summary>
public interface IBatchHandler<TCommand, TOutcome>
{
    /// <summary>
    /// Executes the commands in their order. They may belong to different keys; those of one key come in order of arrival.
    /// </summary>
    /// <param name="commands">At least one.</param>
    /// <param name="rowLockWait">Longest wait for each row lock. Never zero.</param>
    /// <param name="workLimit">How long the work may take: to the margin before the shortest lease ends. The token says the
    /// same, but not while this process is paused: what a transaction holds must be free by about then even if no process is
    /// left to give it back.</param>
    /// <param name="cancellationToken">Cancelled after <paramref name="workLimit"/>; what was begun must be rolled back.</param>
    /// <returns>The outcomes, in the order of the commands, committed. A refusal is an outcome, not an exception.</returns>
    Task<IReadOnlyList<TOutcome>> ExecuteAsync(
        IReadOnlyList<TCommand> commands, TimeSpan rowLockWait, TimeSpan workLimit, CancellationToken cancellationToken);

    /// <summary>
    /// Which row a command fights for, such as its member's id. Commands of equal affinity never run side by side within a replica, and
    /// the canary goes by it.
    /// </summary>
    long Affinity(TCommand command);

    /// <summary>Says what a failure of <see cref="ExecuteAsync"/> means for the commands of its batch.</summary>
    BatchFault Classify(Exception failure);
}

/// <summary>What the failure of a batch means.</summary>
public enum BatchFault
{
    /// <summary>
    /// It is unknown whether the batch was committed (a connection lost during the commit). Never tried again: it could be applied twice.
    /// </summary>
    Unknown,

    /// <summary>The database is away, for every command alike. All fail at once; trying each alone would multiply the trouble.</summary>
    Away,

    /// <summary>Certainly rolled back: a row lock was not free in time. The others of the batch go on without it.</summary>
    Busy,

    /// <summary>Certainly rolled back, and perhaps the fault of one command. The batch is split until that one fails alone.</summary>
    RolledBack,
}
