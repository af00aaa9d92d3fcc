namespace PointSystem.Locking.Combining;

/// <summary>
/// The leaders that have asked for their locks and are about to hand a batch to the lane. The lane waits for those that asked before it was
/// ready, each once: later ones would put off its transaction for ever.
/// </summary>
internal sealed class Arrivals
{
    private readonly Lock _sync = new();
    private Group _current = new();

    /// <summary>Announces a leader.</summary>
    /// <returns>To be disposed when it has handed over its batch, or has none. Further calls have no effect.</returns>
    public IDisposable Announce()
    {
        lock (_sync)
        {
            _current.Awaited++;
            return new Arrival(this, _current);
        }
    }

    /// <summary>Completes when all leaders that have been announced so far, and not been waited for yet, have arrived.</summary>
    public Task AnnouncedAsync()
    {
        lock (_sync)
        {
            if (_current.Awaited == 0)
            {
                return Task.CompletedTask;
            }
            var awaited = _current;
            _current = new Group();
            return awaited.Complete.Task;
        }
    }

    private void Arrived(Group group)
    {
        lock (_sync)
        {
            if (--group.Awaited == 0 && group != _current)
            {
                group.Complete.TrySetResult();
            }
        }
    }

    private sealed class Group
    {
        public int Awaited { get; set; }

        // Its continuation is the lane's transaction, which must not run on the last leader's thread.
        public TaskCompletionSource Complete { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Arrival(Arrivals arrivals, Group group) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                arrivals.Arrived(group);
            }
        }
    }
}
