namespace PointSystem.TestKit;

/// <summary>
/// A TCP proxy that can drop or hold one direction only. Requests that arrive while replies are dropped take effect, but the caller does
/// not learn of it: this is the fault that causes ghost holds. <see cref="Heal"/> breaks the connections that lost bytes, like a network
/// failure. Held bytes arrive eventually, like in a slow network.
/// </summary>
public sealed class FaultProxy(int targetPort) : TcpProxy(targetPort)
{
    private volatile bool _dropRequests;
    private volatile bool _dropReplies;
    private readonly Gate _requests = new();
    private readonly Gate _replies = new();

    /// <summary>Number of held request chunks.</summary>
    public int HeldRequests => _requests.Waiting;

    /// <summary>Number of held reply chunks.</summary>
    public int HeldReplies => _replies.Waiting;

    /// <summary>Drops everything that the clients send from now on.</summary>
    public void DropRequests() => _dropRequests = true;

    /// <summary>Drops everything that the server sends from now on.</summary>
    public void DropReplies() => _dropReplies = true;

    /// <summary>Delays what the clients send until <see cref="ReleaseRequests"/>.</summary>
    public void HoldRequests() => _requests.Close();

    /// <summary>Delays what the server sends until <see cref="ReleaseReplies"/>.</summary>
    public void HoldReplies() => _replies.Close();

    public void ReleaseRequests() => _requests.Open();

    public void ReleaseReplies() => _replies.Open();

    /// <summary>Passes both directions again; connections that lost bytes are closed.</summary>
    public void Heal()
    {
        ReleaseRequests();
        ReleaseReplies();
        _dropRequests = _dropReplies = false;
        foreach (var link in Links.Where(link => link.LostBytes))
        {
            link.Dispose();
        }
    }

    protected override Pass Open(Link link, bool toServer) => async chunk =>
    {
        if (toServer ? _dropRequests : _dropReplies)
        {
            link.LostBytes = true;
            return default;
        }
        await (toServer ? _requests : _replies).PassAsync(Stopping);
        return chunk;
    };

    /// <summary>A gate that is open or closed; counts the waiting chunks.</summary>
    private sealed class Gate
    {
        private volatile TaskCompletionSource? _closed;
        private int _waiting;

        public int Waiting => Volatile.Read(ref _waiting);

        public void Close() => _closed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open()
        {
            var closed = _closed;
            _closed = null;
            closed?.TrySetResult();
        }

        public async Task PassAsync(CancellationToken cancellationToken)
        {
            if (_closed is not { } closed)
            {
                return;
            }
            Interlocked.Increment(ref _waiting);
            try
            {
                await closed.Task.WaitAsync(cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
        }
    }
}
