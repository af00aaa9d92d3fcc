using System.Diagnostics;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Keys;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Resilience;

namespace PointSystem.Locking;

/// <summary>
/// Waits for a turn in the replica's own queue first, then acquires the store's lock: waiting costs memory, not calls or connections.
/// </summary>
internal sealed class DistributedLocks(
    KeyedGate gate, ResilientLockStore store, LockReleaser releaser, IOptions<LockingOptions> options,
    LockMetrics metrics, TimeProvider clock) : IDistributedLocks
{
    private readonly LockingOptions _options = options.Value;
    private readonly PollPace _pace = new(options.Value);

    public async Task<LockHandle> AcquireAsync(string key, LockOptions options, CancellationToken cancellationToken) =>
        await TryAcquireAsync(key, options, cancellationToken) ?? throw new LockNotAcquiredException(key, options.Wait);

    public Task<LockHandle?> TryAcquireAsync(string key, LockOptions options, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        ArgumentNullException.ThrowIfNull(options);
        if (key.Contains("||", StringComparison.Ordinal))
        {
            throw new ArgumentException("'||' is Dapr's own separator and is not allowed in a lock key.", nameof(key));
        }
        if (LockOptionsRules.FindProblem(options.Wait, options.Lease, _options) is { } problem)
        {
            throw new ArgumentException($"The lock options are not usable: {problem}.", nameof(options));
        }
        return TryAcquireMeasuredAsync(key, options, options.Wait, cancellationToken);
    }

    /// <summary>Like the public method, for options that were checked at start and a wait that is already partly used.</summary>
    /// <param name="key">The key.</param>
    /// <param name="options">Lease and operation name.</param>
    /// <param name="wait">The remaining wait.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <param name="isRowOnly">True: no lock is acquired. Null: the options decide.</param>
    /// <param name="row">Set if the row protects the work as well: it may then go on without the lock.</param>
    internal async Task<LockHandle?> TryAcquireMeasuredAsync(
        string key, LockOptions options, TimeSpan wait, CancellationToken cancellationToken, bool? isRowOnly = null,
        RowProtection? row = null)
    {
        var rowOnly = isRowOnly ?? _options.Mode == LockMode.Row;
        var request = new Request(key, options, wait, row, clock.GetTimestamp());
        using var activity = LockMetrics.Activities.StartActivity("lock acquire");
        activity?.SetTag("lock.operation", options.Operation);
        metrics.Attempted(options.Operation);
        var outcome = LockOutcome.Error;
        try
        {
            var handle = rowOnly ? Handle(request, null, null, request.ArrivedAt) : await AcquireAsync(request, cancellationToken);
            outcome = handle switch
            {
                // By the requested wait: a remaining wait of zero still means that a wait has run out.
                null => options.Wait > TimeSpan.Zero ? LockOutcome.TimedOut : LockOutcome.Contended,
                _ when rowOnly => LockOutcome.RowOnly,
                { IsFallback: true } => LockOutcome.Fallback,
                { IsQueued: true } => LockOutcome.Queued,
                { IsKept: true } => LockOutcome.Kept,
                { IsBypass: true } => LockOutcome.Bypassed,
                _ => LockOutcome.Acquired,
            };
            return handle;
        }
        catch (OperationCanceledException)
        {
            outcome = LockOutcome.Cancelled;
            throw;
        }
        finally
        {
            activity?.SetTag("lock.outcome", outcome);
            metrics.Finished(options.Operation, outcome, clock.GetElapsedTime(request.ArrivedAt));
        }
    }

    private async Task<LockHandle?> AcquireAsync(Request request, CancellationToken cancellationToken)
    {
        var turn = await QueueAsync(request, cancellationToken);
        if (turn is null)
        {
            return null;
        }
        LockHandle? handle = null;
        try
        {
            var pause = _pace.HandOver;
            if (request.Row is null && turn.HasRunLongerThan(_options.HandOverAfter) && Left(request) > pause)
            {
                await Task.Delay(pause, clock, cancellationToken);
            }
            return handle = await PollAsync(request, turn, cancellationToken);
        }
        finally
        {
            if (handle is null)
            {
                turn.End();
            }
        }
    }

    private async Task<KeyedGate.Turn?> QueueAsync(Request request, CancellationToken cancellationToken)
    {
        using var activity = LockMetrics.Activities.StartActivity("lock queue");
        return await gate.EnterAsync(request.Key, request.Wait, cancellationToken);
    }

    private async Task<LockHandle?> PollAsync(Request request, KeyedGate.Turn turn, CancellationToken cancellationToken)
    {
        if (await releaser.TakeKeptAsync(request.Key) is { } kept)
        {
            return Handle(request, turn, kept.Owner, kept.SentAt, isKept: true);
        }
        using var activity = LockMetrics.Activities.StartActivity("lock store", ActivityKind.Client);
        var since = clock.GetTimestamp();
        using var poll = _pace.Start();
        for (var attempts = 1; ; attempts++)
        {
            activity?.SetTag("lock.attempts", attempts);
            var owner = LockOwner.New(_options);
            // Taken before the request is sent: the store's lease starts later, so it never ends before ours.
            var sentAt = clock.GetTimestamp();
            var answer = await store.TryLockAsync(request.Key, owner, request.Options.Lease, cancellationToken);
            if (answer.Kind == LockAnswerKind.Acquired)
            {
                return Handle(request, turn, owner, sentAt, wasContended: attempts > 1);
            }
            if (answer.Kind == LockAnswerKind.Unavailable)
            {
                activity?.SetTag("lock.fallback", answer.Reason);
                return Handle(request, turn, null, sentAt);
            }
            turn.MetOthers();
            if (request.Row?.MayQueue() == true)
            {
                return Handle(request, turn, null, sentAt, wasContended: true, isQueued: true);
            }
            var left = Left(request);
            if (request.Row?.Patience - clock.GetElapsedTime(request.ArrivedAt) is { } patience)
            {
                if (patience <= TimeSpan.Zero)
                {
                    return Handle(request, turn, null, sentAt, wasContended: true);
                }
                left = patience < left ? patience : left;
            }
            if (left <= TimeSpan.Zero)
            {
                return null;
            }
            var pause = poll.Next(clock.GetElapsedTime(since));
            await Task.Delay(pause < left ? pause : left, clock, cancellationToken);
        }
    }

    private TimeSpan Left(Request request) => request.Wait - clock.GetElapsedTime(request.ArrivedAt);

    private LockHandle Handle(
        Request request, KeyedGate.Turn? turn, string? owner, long sentAt, bool wasContended = false, bool isQueued = false, bool isKept = false)
    {
        var elapsed = clock.GetElapsedTime(sentAt);
        var acquiredAt = clock.GetUtcNow() - elapsed;
        var workTime = request.Options.Lease - _options.LeaseMargin - elapsed;
        var leaseEnding = new CancellationTokenSource(workTime > TimeSpan.Zero ? workTime : TimeSpan.Zero, clock);
        var held = clock.GetTimestamp();
        return new LockHandle(handle => releaser.Release(handle, turn, request.Options.Operation, sentAt, held), leaseEnding)
        {
            Key = request.Key,
            Owner = owner ?? "",
            AcquiredAt = acquiredAt,
            LeaseEndsAt = acquiredAt + request.Options.Lease,
            IsFallback = owner is null && turn is not null && !wasContended,
            WasContended = wasContended,
            IsQueued = isQueued,
            IsKept = isKept,
            MayKeep = request.Row is { MayKeep: true } && !wasContended,
        };
    }

    private readonly record struct Request(string Key, LockOptions Options, TimeSpan Wait, RowProtection? Row, long ArrivedAt);
}

/// <summary>What is allowed to work that its row protects, whatever happens to the lock.</summary>
/// <param name="Patience">How long to wait before a handle without a lock is returned. There is always one attempt.</param>
/// <param name="MayQueue">
/// Asked after a refusal: whether the work may wait for its row in the database instead, so that a handle without a lock is returned at once.
/// </param>
/// <param name="MayKeep">Whether the lock may be kept for a while after the work, for other work with the same key.</param>
internal sealed record RowProtection(TimeSpan Patience, Func<bool> MayQueue, bool MayKeep);
