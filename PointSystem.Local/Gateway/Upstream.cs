namespace PointSystem.Local.Gateway;

/// <summary>What the gateway knows of a replica.</summary>
internal enum UpstreamState
{
    /// <summary>No process, or nothing listens.</summary>
    Down,

    /// <summary>It listens but says it is not ready: its own answers still beat the gateway's.</summary>
    Alive,

    /// <summary>It takes requests.</summary>
    Ready,

    /// <summary>It listens and answers nothing.</summary>
    Hanging,
}

/// <summary>A replica as the gateway sees it.</summary>
internal sealed class Upstream(string name, Uri url) : IDisposable
{
    private readonly Lock _gate = new();
    private CancellationTokenSource _usable = new();

    public event Action<Upstream>? StateChanged;

    public string Name { get; } = name;

    public Uri Url { get; } = url;

    public UpstreamState State { get; private set; }

    /// <summary>Cancelled when the replica goes down or hangs: requests that may be repeated need not wait for it any longer.</summary>
    public CancellationToken Usable
    {
        get
        {
            lock (_gate)
            {
                return _usable.Token;
            }
        }
    }

    public void Set(UpstreamState state)
    {
        CancellationTokenSource? ended = null;
        lock (_gate)
        {
            if (State == state)
            {
                return;
            }
            State = state;
            if (state is UpstreamState.Down or UpstreamState.Hanging)
            {
                ended = _usable;
                _usable = new CancellationTokenSource();
            }
        }
        StateChanged?.Invoke(this);
        ended?.Cancel();
        ended?.Dispose();
    }

    /// <exception cref="TimeoutException">The state was not seen within <paramref name="limit"/>.</exception>
    public async Task WaitForAsync(UpstreamState state, TimeSpan limit, CancellationToken cancellationToken)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        StateChanged += Look;
        try
        {
            Look(this);
            await reached.Task.WaitAsync(limit, cancellationToken);
        }
        finally
        {
            StateChanged -= Look;
        }

        void Look(Upstream upstream)
        {
            if (upstream.State == state)
            {
                reached.TrySetResult();
            }
        }
    }

    public void Dispose() => _usable.Dispose();
}
