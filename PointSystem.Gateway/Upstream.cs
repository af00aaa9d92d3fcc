namespace PointSystem.Gateway;

/// <summary>The state of a replica, as the gateway sees it.</summary>
internal enum UpstreamState
{
    /// <summary>Nothing listens at its address.</summary>
    Down,

    /// <summary>It answers, but it is not ready. Its own error responses still say more than the gateway's.</summary>
    Alive,

    /// <summary>It accepts requests.</summary>
    Ready,

    /// <summary>It accepts connections and does not answer.</summary>
    Hanging,
}

/// <summary>A replica as the gateway sees it.</summary>
internal sealed class Upstream(string name, Uri url) : IDisposable
{
    // Members that share a slot count as one: one in so many other members stays at the crowded replica of a hot member by mistake.
    private const int Slots = 4096;
    private readonly Lock _gate = new();
    private readonly ulong _seed = Rendezvous.Seed(url);
    private readonly int[] _inFlightByMember = new int[Slots];
    private long _inFlight;
    private CancellationTokenSource _usable = new();
    private TaskCompletionSource _checkRequested = NewSource();

    public event Action<Upstream>? StateChanged;

    public string Name { get; } = name;

    public Uri Url { get; } = url;

    public UpstreamState State { get; private set; }

    /// <summary>The number of requests that were sent to it and are not answered yet.</summary>
    public long InFlight => Interlocked.Read(ref _inFlight);

    /// <summary>
    /// Cancelled when the replica hangs: repeatable requests do not wait for it any longer. Not cancelled when it is down: a replica that
    /// shuts down in order still answers its requests, and the connections to one that died end by themselves.
    /// </summary>
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

    /// <summary>Completes at the next <see cref="RequestCheck"/>.</summary>
    public Task CheckRequested
    {
        get
        {
            lock (_gate)
            {
                return _checkRequested.Task;
            }
        }
    }

    /// <summary>Its score in the member's order, see <see cref="Rendezvous"/>.</summary>
    public ulong ScoreOf(long member) => Rendezvous.Score(_seed, member);

    /// <summary>
    /// Counts a request of a member as in flight, unless that would exceed <paramref name="limit"/> and no other request of the member is in
    /// flight here.
    /// </summary>
    public bool TryEnter(long member, long limit)
    {
        ref var ofMember = ref _inFlightByMember[SlotOf(member)];
        if (Interlocked.Increment(ref _inFlight) > limit && Volatile.Read(ref ofMember) == 0)
        {
            Interlocked.Decrement(ref _inFlight);
            return false;
        }
        Interlocked.Increment(ref ofMember);
        return true;
    }

    /// <summary>Counts a request without a member as in flight.</summary>
    public void Enter() => Interlocked.Increment(ref _inFlight);

    /// <summary>The request was answered, or has failed.</summary>
    /// <param name="member">The same member as when the request was counted.</param>
    public void Leave(long? member)
    {
        Interlocked.Decrement(ref _inFlight);
        if (member is { } id)
        {
            Interlocked.Decrement(ref _inFlightByMember[SlotOf(id)]);
        }
    }

    /// <summary>
    /// Asks for a check of the state before the next one is due: a response was the last one on its connection, as those of a replica that
    /// shuts down are.
    /// </summary>
    public void RequestCheck()
    {
        TaskCompletionSource requested;
        lock (_gate)
        {
            if (State != UpstreamState.Ready)
            {
                return;
            }
            requested = _checkRequested;
            _checkRequested = NewSource();
        }
        requested.TrySetResult();
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
            if (state == UpstreamState.Hanging)
            {
                ended = _usable;
                _usable = new CancellationTokenSource();
            }
        }
        StateChanged?.Invoke(this);
        if (ended is not null)
        {
            _ = GiveUpAsync(ended);
        }
    }

    /// <exception cref="TimeoutException">The replica was not in that state within <paramref name="limit"/>.</exception>
    public async Task WaitForAsync(UpstreamState state, TimeSpan limit, CancellationToken cancellationToken)
    {
        var reached = NewSource();
        StateChanged += Check;
        try
        {
            Check(this);
            await reached.Task.WaitAsync(limit, cancellationToken);
        }
        finally
        {
            StateChanged -= Check;
        }

        void Check(Upstream upstream)
        {
            if (upstream.State == state)
            {
                reached.TrySetResult();
            }
        }
    }

    /// <summary>A sentence such as <c>api-1 is ready.</c></summary>
    public string Describe() => Name + State switch
    {
        UpstreamState.Ready => " is ready.",
        UpstreamState.Alive => " is up, but not ready.",
        UpstreamState.Hanging => " is hanging.",
        _ => " is down.",
    };

    public void Dispose() => _usable.Dispose();

    internal static int SlotOf(long member) => (int)(Rendezvous.Mix((ulong)member) % Slots);

    /// <summary>What the requests that wait do then, and throw, is no concern of who watches the replica.</summary>
    private static async Task GiveUpAsync(CancellationTokenSource waiting)
    {
        await waiting.CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        waiting.Dispose();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
