namespace PointSystem.TestKit;

/// <summary>
/// A TCP proxy that can keep back one direction alone. Requests that arrive while replies are kept back take effect, but the caller does
/// not learn of it: the fault that makes ghost holds. <see cref="Heal"/> breaks the connections whose bytes were kept back, as a network
/// that gave them up would. What is only held arrives in the end, as in a network that was slow.
/// </summary>
public sealed class FaultProxy(int targetPort) : TcpProxy(targetPort)
{
    private volatile bool _dropRequests;
    private volatile bool _dropReplies;
    private readonly Gate _requests = new();
    private readonly Gate _replies = new();

    /// <summary>Chunks of requests that are being held.</summary>
    public int HeldRequests => _requests.Waiting;

    /// <summary>Chunks of replies that are being held.</summary>
    public int HeldReplies => _replies.Waiting;

    /// <summary>From now on nothing reaches the server.</summary>
    public void DropRequests() => _dropRequests = true;

    /// <summary>From now on nothing comes back from the server.</summary>
    public void DropReplies() => _dropReplies = true;

    /// <summary>Delays what the clients send until <see cref="ReleaseRequests"/>.</summary>
    public void HoldRequests() => _requests.Close();

    /// <summary>Delays what the server sends until <see cref="ReleaseReplies"/>.</summary>
    public void HoldReplies() => _replies.Close();

    public void ReleaseRequests() => _requests.Open();

    public void ReleaseReplies() => _replies.Open();

    /// <summary>Lets both directions through again, on new connections where bytes were lost.</summary>
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

    /// <summary>Open or closed; counts the chunks that wait before it.</summary>
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
