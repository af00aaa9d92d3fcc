using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;
using PointSystem.Api.Caching;
using PointSystem.Api.Configuration;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using PointSystem.Locking;

namespace PointSystem.Api.Ledger;

/// <summary>
/// Executes commands for one or several members in one transaction: lock and load in one round trip, decide in memory, write and commit
/// in a second one. The wallet row locks taken here guarantee correctness, whatever happens to a distributed lock.
/// </summary>
internal sealed class PointLedger(
    NpgsqlDataSource dataSource, RulesProvider rules, StoredRefusals refusals, TimeProvider clock, ILogger<PointLedger> logger, BalanceCache? cache = null)
    : IBatchHandler<IPointCommand, CommandOutcome>
{
    // Each reload multiplies the amount, so two are rare; more mean that the lots hold less than the wallet says.
    private const int ReloadsMax = 8;

    // Creating a wallet may wait for another transaction that creates it.
    private static readonly TimeSpan LockWaitMin = TimeSpan.FromMilliseconds(25);

    // Between its two round trips a transaction is idle while the commands are applied: microseconds, or longer on a busy machine. A process
    // that is paused then cannot react to any token, and others wait for its rows: the server ends the transaction.
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(1);
    private const int PausesMax = 2;

    // Nobody else has these rows.
    private static readonly RowLockTimes RehearsalTimes = new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));

    /// <summary>Executes the commands in order, each with its own outcome, under one commit.</summary>
    /// <param name="commands">At least one.</param>
    /// <param name="rowLockWait">
    /// Maximum wait for each wallet's row lock. Zero: commands of members whose wallets others have locked are left out.
    /// </param>
    /// <param name="cancellationToken">Cancels the attempt, which then has no effect.</param>
    /// <returns>The outcomes, in the order of the commands. They are committed. Null for a command that was left out.</returns>
    /// <exception cref="PostgresException">
    /// 55P03: a wallet was not free within <paramref name="rowLockWait"/>. 25P03: this process was paused, again and again, and the server rolled back.
    /// </exception>
    /// <exception cref="NpgsqlException">
    /// The database is unavailable. A running commit has taken effect in full or not at all; which of the two is unknown.
    /// </exception>
    public async Task<IReadOnlyList<CommandOutcome?>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, CancellationToken cancellationToken)
    {
        var plan = LoadPlan.For(commands);
        var skipBusy = rowLockWait == TimeSpan.Zero;
        var times = new RowLockTimes(skipBusy ? LockWaitMin : rowLockWait, IdleMax);
        var pauses = 0;
        for (var reloads = 0; ; reloads++)
        {
            // These rules decide what is loaded; the rules in effect once the rows are locked decide the commands. Also read here, so
            // that a wait for the rules does not hold a connection and the rows.
            var planned = await rules.CurrentAsync(cancellationToken);
            try
            {
                return await dataSource.RunAsync(
                    attempt => ExecuteAsync(attempt, commands, plan, planned, times, skipBusy, cancellationToken), logger, cancellationToken);
            }
            catch (LotsNotLoadedException e) when (reloads < ReloadsMax)
            {
                // An earlier command of this batch used lots that a later one needs. Load more and start over.
                plan.NeedMore(e.MemberId, e.Amount);
            }
            catch (Exception e) when (DatabaseErrors.IsAlreadyAnswered(e) && reloads < ReloadsMax)
            {
                // Start over, and find the stored answer.
            }
            catch (Exception e) when (DatabaseErrors.IsIdleTimeout(e) && ++pauses <= PausesMax)
            {
                // This process was paused, and the server rolled back. It runs again: start over, unless the token says that it is too late.
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>
    /// Executes commands on the given connection as <see cref="ExecuteAsync(IReadOnlyList{IPointCommand}, TimeSpan, CancellationToken)"/>
    /// does, but rolls back: code is compiled and statements are prepared, and nothing is left in the database.
    /// </summary>
    /// <param name="connection">An open connection without a transaction.</param>
    /// <param name="steps">Commands for members that do not exist. Each step sees what the steps before it have written.</param>
    /// <param name="skipBusy">As with a wait of zero.</param>
    /// <param name="cancellationToken">Ends the rehearsal.</param>
    public async Task RehearseAsync(
        NpgsqlConnection connection, IReadOnlyList<IReadOnlyList<IPointCommand>> steps, bool skipBusy, CancellationToken cancellationToken)
    {
        for (var step = 0; step < steps.Count; step++)
        {
            var now = await rules.CurrentAsync(cancellationToken);
            var rows = await LedgerLoader.LoadAsync(
                connection, LoadPlan.For(steps[step]), now, clock.GetUtcNow() - Idempotency.Retention,
                step == 0 ? RehearsalTimes : null, cancellationToken, skipBusy);
            var accounts = rows.Build(now.At);
            _ = Apply(steps[step], rows, accounts, now, out var answers, out var audited);
            await LedgerWriter.WriteAsync(
                connection, accounts.Values, answers.Values, clock.GetUtcNow(), cancellationToken,
                step == steps.Count - 1 ? LedgerWriter.Rollback : null, audited);
        }
    }

    public long Affinity(IPointCommand command) => command.MemberId;

    public BatchFault Classify(Exception failure) => DatabaseErrors.FaultOf(failure);

    private async Task<IReadOnlyList<CommandOutcome?>> ExecuteAsync(
        Connections.Attempt attempt,
        IReadOnlyList<IPointCommand> commands,
        LoadPlan plan,
        Rules planned,
        RowLockTimes times,
        bool skipBusy,
        CancellationToken cancellationToken)
    {
        var answersSince = clock.GetUtcNow() - Idempotency.Retention;
        var started = Stopwatch.GetTimestamp();
        var rows = await LedgerLoader.LoadAsync(attempt.Connection, plan, planned, answersSince, times, cancellationToken, skipBusy);

        // The wait for the rows may have crossed midnight. Only a time taken while they are locked comes after the last holder's, in the
        // order of the ledger.
        var now = await rules.CurrentAsync(cancellationToken);
        if (!rows.Covers(now))
        {
            rows = await LedgerLoader.LoadAsync(attempt.Connection, plan, now, answersSince, times: null, cancellationToken, skipBusy);
        }

        var accounts = rows.Build(now.At);
        var outcomes = Apply(commands, rows, accounts, now, out var answers, out var audited);
        if (Stopwatch.GetElapsedTime(started) >= IdleMax / 2)
        {
            // It waited for the rows, or was paused. The end of a session is certain to be read only as the answer to one small message: a large write
            // would fail halfway, with an outcome that is unknown.
            await LedgerLoader.AskAsync(attempt.Connection, cancellationToken);
        }

        attempt.HasBegunToWrite = true;
        var writtenAt = clock.GetUtcNow();
        try
        {
            await LedgerWriter.WriteAsync(attempt.Connection, accounts.Values, answers.Values, writtenAt, cancellationToken, audited: audited);
        }
        catch (Exception e) when (!DatabaseErrors.IsDocumented(e))
        {
            // Npgsql also throws plain exceptions, for an unexpected message of the server. The COMMIT may have arrived, so this must not
            // count as a failure without effect that can be retried.
            throw new NpgsqlException("The outcome of the write is unknown.", e);
        }

        cache?.Committed(accounts.Values, writtenAt);
        foreach (var answer in answers.Values)
        {
            if (answer.IsRefusal)
            {
                refusals.Count(answer.Key.Caller);
            }
        }

        return outcomes;
    }

    private static List<CommandOutcome?> Apply(
        IReadOnlyList<IPointCommand> commands,
        LoadedRows rows,
        Dictionary<long, MemberAccount> accounts,
        Rules now,
        out Dictionary<IdempotencyKey, StoredAnswer> answers,
        out IReadOnlyCollection<AuditEntry> audited)
    {
        var outcomes = new List<CommandOutcome?>(commands.Count);
        List<AuditEntry>? entries = null;
        answers = [];
        foreach (var command in commands)
        {
            if (rows.Busy.Count > 0 && LoadPlan.For([command]).Members.Any(member => rows.Busy.Contains(member.MemberId)))
            {
                outcomes.Add(null);
                continue;
            }

            var outcome = FindAnswer(command, rows.Answers, answers);
            if (outcome is null)
            {
                outcome = command.Apply(accounts, new CommandContext(now.Policy, now.At, command.Actor, NewKey));
                if (outcome.Error is null && command.Audit(outcome) is { } entry)
                {
                    (entries ??= []).Add(entry);
                }

                if (command.Idempotency is { } idempotency)
                {
                    var (status, answer) = outcome.Stored();
                    answers.Add(idempotency.Key, new StoredAnswer(idempotency.Key, command.MemberId, idempotency.RequestHash, status, answer));
                }
            }

            outcomes.Add(outcome);
        }

        audited = entries ?? (IReadOnlyCollection<AuditEntry>)[];
        return outcomes;
    }

    /// <summary>The outcome of an earlier request with the same idempotency key: committed before, or earlier in this batch.</summary>
    private static CommandOutcome? FindAnswer(IPointCommand command, StoredAnswers earlier, Dictionary<IdempotencyKey, StoredAnswer> answers) =>
        command.Idempotency is { } idempotency
            && (earlier.Find(idempotency.Key, command.MemberId) ?? answers.GetValueOrDefault(idempotency.Key)) is { } stored
            ? idempotency.Replay(stored)
            : null;

    private static PointKey NewKey(PointKeyType type, long memberId)
    {
        Span<byte> entropy = stackalloc byte[PointKey.EntropyBytes];
        RandomNumberGenerator.Fill(entropy);
        return PointKey.Create(type, memberId, entropy);
    }
}
