namespace PointSystem.Locking;

/// <summary>
/// Executes commands for a <see cref="CombiningExecutor{TCommand, TOutcome}"/>: all or nothing, under one commit, each with its own
/// outcome.
/// </summary>
public interface IBatchHandler<TCommand, TOutcome>
    where TOutcome : class
{
    /// <summary>
    /// Executes the commands in the given order. They may belong to different keys; those of one key come in order of arrival.
    /// </summary>
    /// <param name="commands">At least one.</param>
    /// <param name="rowLockWait">Maximum wait for each row lock. Zero: commands whose rows are locked by others are left out.</param>
    /// <param name="cancellationToken">
    /// Cancelled at the margin before the shortest lease ends; the transaction must then be rolled back. It does not fire while this process is
    /// paused: the handler sees to it that the rows of a paused process become free.
    /// </param>
    /// <returns>
    /// The outcomes, in the order of the commands, committed; null for a command that was left out. A refusal is an outcome, not an exception.
    /// </returns>
    Task<IReadOnlyList<TOutcome?>> ExecuteAsync(IReadOnlyList<TCommand> commands, TimeSpan rowLockWait, CancellationToken cancellationToken);

    /// <summary>
    /// The row that a command contends for, such as its member's id. The canary is chosen by it.
    /// </summary>
    long Affinity(TCommand command);

    /// <summary>Says what a failure of <see cref="ExecuteAsync"/> means for the commands of its batch.</summary>
    BatchFault Classify(Exception failure);
}

/// <summary>What the failure of a batch means.</summary>
public enum BatchFault
{
    /// <summary>
    /// It is unknown whether the batch was committed (a connection lost during the commit). Never retried: it could be applied twice.
    /// </summary>
    Unknown,

    /// <summary>
    /// The database is unavailable, for every command alike. All fail at once; retrying each of them alone would multiply the load.
    /// </summary>
    Away,

    /// <summary>Certainly rolled back: a row lock was not free in time. The other commands of the batch go on without it.</summary>
    Busy,

    /// <summary>Certainly rolled back, possibly because of one command. The batch is split until that one fails alone.</summary>
    RolledBack,
}
