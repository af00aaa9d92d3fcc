namespace PointSystem.Locking.Queue;

/// <summary>
/// Lets one caller of this process at a time work on a key; the others queue in memory, first come, first served. So each replica polls
/// the store with one caller per key, however many wait. Idle keys use no memory.
/// </summary>
internal sealed class KeyedGate(TimeProvider clock)
{
    private const int AloneFactor = 10;
    private static readonly TimeSpan OthersRememberedFor = TimeSpan.FromSeconds(1);

    private readonly Lock _sync = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private int _waiting;

    /// <summary>Callers waiting for their turn, over all keys.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Keys that a caller holds or waits for.</summary>
    public int ActiveKeys
    {
        get
        {
            lock (_sync)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>
    /// Waits for a turn at the key. Null when the wait ran out. The caller must end the turn with <see cref="Turn.End"/>.
    /// </summary>
    public async ValueTask<Turn?> EnterAsync(string key, TimeSpan wait, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiter waiter;
        lock (_sync)
        {
            if (!_entries.TryGetValue(key, out var entry))
            {
                entry = new Entry(key, clock.GetTimestamp());
                _entries.Add(key, entry);
                return entry.Turn = new Turn(this, entry);
            }
            // The predecessor has finished and its lock is being released. A single attempt may wait for that; otherwise our own lock
            // would refuse a caller that disposes a handle and asks again. The release is bounded by the attempt timeout.
            var isReleasing = entry.Turn is { IsEnding: true } && entry.Queue.Count == 0;
            if (wait <= TimeSpan.Zero && !isReleasing)
            {
                return null;
            }
            waiter = new Waiter(entry);
            entry.Queue.AddLast(waiter.Node);
            Interlocked.Increment(ref _waiting);
            wait = wait > TimeSpan.Zero ? wait : Timeout.InfiniteTimeSpan;
        }
        using var deadline = new CancellationTokenSource(wait, clock);
        using var expired = deadline.Token.UnsafeRegister(_ => Abandon(waiter, null), null);
        using var cancelled = cancellationToken.UnsafeRegister(_ => Abandon(waiter, cancellationToken), null);
        return await waiter.Completion.Task;
    }

    private void Abandon(Waiter waiter, CancellationToken? cancelledBy)
    {
        lock (_sync)
        {
            if (waiter.Node.List is null)
            {
                return;
            }
            waiter.Entry.Queue.Remove(waiter.Node);
            Interlocked.Decrement(ref _waiting);
        }
        if (cancelledBy is { } token)
        {
            waiter.Completion.TrySetCanceled(token);
        }
        else
        {
            waiter.Completion.TrySetResult(null);
        }
    }

    private void Leave(Entry entry)
    {
        Waiter next;
        Turn turn;
        lock (_sync)
        {
            if (entry.Queue.First is not { } first)
            {
                _entries.Remove(entry.Key);
                return;
            }
            next = first.Value;
            entry.Queue.RemoveFirst();
            Interlocked.Decrement(ref _waiting);
            entry.Turn = turn = new Turn(this, entry);
        }
        next.Completion.TrySetResult(turn);
    }

    /// <summary>The right to work on a key, within this process.</summary>
    internal sealed class Turn(KeyedGate gate, object entry)
    {
        private int _ended;

        /// <summary>True once the work is done and only the release of the lock remains.</summary>
        public bool IsEnding { get; private set; }

        /// <summary>Marks the work as done and the lock as being released.</summary>
        public void Ending() => IsEnding = true;

        /// <summary>Records that another process held the key when this turn asked for it, so others want it too.</summary>
        public void MetOthers() => ((Entry)entry).MetOthersAt = gate.Now;

        /// <summary>
        /// True when this process has passed the key among its own callers for longer than the limit, or for ten times the limit if it
        /// has met no other replica recently. A result of true restarts the count.
        /// </summary>
        public bool HasRunLongerThan(TimeSpan limit)
        {
            var own = (Entry)entry;
            var alone = own.MetOthersAt is not { } met || gate.ElapsedSince(met) > OthersRememberedFor;
            var ran = gate.ElapsedSince(own.RunningSince) > (alone ? limit * AloneFactor : limit);
            if (ran)
            {
                own.RunningSince = gate.Now;
            }
            return ran;
        }

        /// <summary>Admits the next caller. Further calls do nothing.</summary>
        public void End()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                gate.Leave((Entry)entry);
            }
        }
    }

    private long Now => clock.GetTimestamp();

    private TimeSpan ElapsedSince(long timestamp) => clock.GetElapsedTime(timestamp);

    private sealed class Entry(string key, long runningSince)
    {
        public string Key { get; } = key;

        public LinkedList<Waiter> Queue { get; } = new();

        public Turn? Turn { get; set; }

        public long RunningSince { get; set; } = runningSince;

        public long? MetOthersAt { get; set; }
    }

    private sealed class Waiter
    {
        public Waiter(Entry entry)
        {
            Entry = entry;
            Node = new LinkedListNode<Waiter>(this);
        }

        public Entry Entry { get; }

        public LinkedListNode<Waiter> Node { get; }

        // Continuations must not run within the predecessor's release.
        public TaskCompletionSource<Turn?> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
