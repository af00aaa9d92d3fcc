using System.Security.Cryptography;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

/// <summary>
/// Executes commands over one or several members in one transaction: lock and load in one round trip, decide in memory, write and commit
/// in a second one. The wallet row lock taken here decides who is right, whatever happened to any distributed lock.
/// </summary>
internal sealed class PointLedger(NpgsqlDataSource dataSource, RulesProvider rules, TimeProvider clock, ILogger<PointLedger> logger)
    : IBatchHandler<IPointCommand, CommandOutcome>
{
    // Each reload asks for twice as much, so two are rare; more mean that the lots hold less than the wallet says.
    private const int ReloadsMax = 8;

    // Between its two round trips a transaction is idle for as long as we decide: microseconds, or a slow moment on a busy machine.
    private static readonly TimeSpan LeastIdle = TimeSpan.FromSeconds(1);

    /// <summary>Executes the commands in their order, each with an outcome of its own, under one commit.</summary>
    /// <param name="commands">At least one.</param>
    /// <param name="rowLockWait">Longest wait for each wallet's row lock.</param>
    /// <param name="workLimit">
    /// Time after which the wallets should be free again, whatever becomes of this process. One that is paused between loading and
    /// writing cannot react to the token; the server ends such a transaction by itself, once what <paramref name="rowLockWait"/> leaves
    /// of this time has passed.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt; it then has no effect.</param>
    /// <returns>The outcomes, in the order of the commands. They are committed.</returns>
    /// <exception cref="PostgresException">
    /// 55P03: a wallet was not free within <paramref name="rowLockWait"/>. 25P03: this process was paused and the server has rolled back.
    /// </exception>
    /// <exception cref="NpgsqlException">
    /// The database is away. Whether a commit under way took effect is then unknown; it did wholly or not at all.
    /// </exception>
    public async Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, TimeSpan workLimit, CancellationToken cancellationToken)
    {
        var idleMax = workLimit - rowLockWait > LeastIdle ? workLimit - rowLockWait : LeastIdle;
        var plan = LoadPlan.For(commands);
        var times = new RowTimes(rowLockWait, idleMax);
        for (var reloads = 0; ; reloads++)
        {
            // These plan what is loaded; the commands are judged by those in force once the rows are held. Asked for here too, so that
            // rules that have to be read are waited for without a connection and without the rows.
            var planned = await rules.CurrentAsync(cancellationToken);
            try
            {
                return await dataSource.RunAsync(
                    attempt => ExecuteAsync(attempt, commands, plan, planned, times, cancellationToken), logger, cancellationToken);
            }
            catch (LotsNotLoadedException e) when (reloads < ReloadsMax)
            {
                // An earlier command of this batch took away lots that a later one would have drawn from. Load that much more and start
                // over.
                plan.NeedMore(e.MemberId, e.Amount);
            }
            catch (Exception e) when (DatabaseErrors.IsAnsweredMeanwhile(e) && reloads < ReloadsMax)
            {
                // Start over, and find that answer.
            }
        }
    }

    public long Affinity(IPointCommand command) => command.MemberId;

    public BatchFault Classify(Exception failure) => DatabaseErrors.FaultOf(failure);

    private async Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        Connections.Attempt attempt,
        IReadOnlyList<IPointCommand> commands,
        LoadPlan plan,
        Rules planned,
        RowTimes times,
        CancellationToken cancellationToken)
    {
        var answersSince = clock.GetUtcNow() - Idempotency.Retention;
        var rows = await LedgerLoader.LoadAsync(attempt.Connection, plan, planned, answersSince, times, cancellationToken);

        // The rows may have been waited for, over midnight even. Only what is decided once they are held comes after whatever the last
        // holder did, and is ordered as the ledger is.
        var now = await rules.CurrentAsync(cancellationToken);
        if (!rows.Covers(now))
        {
            rows = await LedgerLoader.LoadAsync(attempt.Connection, plan, now, answersSince, times: null, cancellationToken);
        }

        var accounts = rows.Build(now.At);
        var outcomes = Apply(commands, accounts, rows.Answers, now, out var answers);
        attempt.HasBegunToWrite = true;
        try
        {
            await LedgerWriter.WriteAsync(attempt.Connection, accounts.Values, answers.Values, clock.GetUtcNow(), cancellationToken);
        }
        catch (Exception e) when (!DatabaseErrors.IsDocumented(e))
        {
            // Npgsql throws plain exceptions too, when an answer is not what it expects. The COMMIT may have arrived: this must not be
            // taken for a mistake of ours that left nothing behind, and be tried again.
            throw new NpgsqlException("What became of the write is not known.", e);
        }

        return outcomes;
    }

    private static List<CommandOutcome> Apply(
        IReadOnlyList<IPointCommand> commands,
        Dictionary<long, MemberAccount> accounts,
        StoredAnswers earlier,
        Rules now,
        out Dictionary<string, StoredAnswer> answers)
    {
        var outcomes = new List<CommandOutcome>(commands.Count);
        answers = new(StringComparer.Ordinal);
        foreach (var command in commands)
        {
            var outcome = FindAnswer(command, earlier, answers);
            if (outcome is null)
            {
                outcome = command.Apply(accounts, new CommandContext(now.Policy, now.At, command.Actor, NewKey));
                if (command.Idempotency is { } idempotency)
                {
                    var (status, answer) = outcome.Stored();
                    answers.Add(idempotency.Key, new StoredAnswer(idempotency.Key, command.MemberId, idempotency.RequestHash, status, answer));
                }
            }

            outcomes.Add(outcome);
        }

        return outcomes;
    }

    /// <summary>The outcome of an earlier request with the same idempotency key: committed before, or earlier in this batch.</summary>
    private static CommandOutcome? FindAnswer(IPointCommand command, StoredAnswers earlier, Dictionary<string, StoredAnswer> answers) =>
        command.Idempotency is { } idempotency
            && (earlier.Find(idempotency.Key, command.MemberId) ?? answers.GetValueOrDefault(idempotency.Key)) is { } stored
            ? idempotency.Judge(stored)
            : null;

    private static PointKey NewKey(PointKeyType type, long memberId)
    {
        Span<byte> entropy = stackalloc byte[PointKey.EntropyBytes];
        RandomNumberGenerator.Fill(entropy);
        return PointKey.Create(type, memberId, entropy);
    }
}
