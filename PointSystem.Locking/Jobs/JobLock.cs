namespace PointSystem.Locking.Jobs;

/// <summary>A job's lock, renewed until it is disposed, lost or capped.</summary>
public sealed class JobLock : IAsyncDisposable
{
    private readonly Relay? _relay;
    private readonly Action _ended;
    private readonly CancellationTokenSource? _cap;
    private int _disposed;

    internal JobLock(string key, Relay relay, Action ended)
    {
        Key = key;
        _relay = relay;
        _ended = ended;
        Lost = relay.Lost;
    }

    internal JobLock(string key, string fallbackReason, CancellationTokenSource cap, Action ended)
    {
        Key = key;
        FallbackReason = fallbackReason;
        _cap = cap;
        _ended = ended;
        Lost = cap.Token;
    }

    /// <summary>The requested key.</summary>
    public string Key { get; }

    /// <summary>
    /// True when the lock store is unavailable: there is no lock, and every other replica may hold such a handle at the same time.
    /// </summary>
    public bool IsFallback => _relay is null;

    /// <summary>Why there is no lock, as a short name such as <c>timeout</c>; null when there is one.</summary>
    public string? FallbackReason { get; }

    /// <summary>
    /// Cancelled when the lock can no longer be held: a margin before the last lease could end if renewals fail, at once if the store
    /// reports that it does not know the lock any more, and at the cap. Work must stop on it. Never cancelled by disposing.
    /// </summary>
    public CancellationToken Lost { get; }

    /// <summary>Runs the work under the lock and releases the lock, however the work ends.</summary>
    /// <param name="work">Its token is cancelled by <see cref="Lost"/> and by the caller.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="LeaseEndedException">The work was cancelled because the lock was lost or capped.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        await using (this)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(Lost, cancellationToken);
            try
            {
                await work(ending.Token);
            }
            catch (OperationCanceledException cancelled) when (Lost.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new LeaseEndedException([Key], cancelled);
            }
        }
    }

    /// <summary>
    /// Stops the renewals and releases the lock. When it returns, no renewal is running or will run, and the lock is free, unless the
    /// store did not answer: then the release is retried in the background until the lease has ended. Never throws; further calls do
    /// nothing.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            if (_relay is not null)
            {
                await _relay.DisposeAsync();
            }
            _cap?.Dispose();
            _ended();
        }
    }
}
