namespace PointSystem.Gateway;

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
    // Members that share a slot are taken for one: a neighbour of a hot member may stay at a crowded replica by mistake, once in so many.
    private const int Slots = 4096;
    private readonly Lock _gate = new();
    private readonly ulong _seed = Rendezvous.Seed(url);
    private readonly int[] _inFlightByMember = new int[Slots];
    private long _inFlight;
    private CancellationTokenSource _usable = new();
    private TaskCompletionSource _doubted = NewSource();

    public event Action<Upstream>? StateChanged;

    public string Name { get; } = name;

    public Uri Url { get; } = url;

    public UpstreamState State { get; private set; }

    /// <summary>Requests that have been sent to it and not been answered yet.</summary>
    public long InFlight => Interlocked.Read(ref _inFlight);

    /// <summary>
    /// Cancelled when the replica hangs: requests that may be repeated need not wait for it any longer. Not when it is down: what it was
    /// asked before is being answered still by one that leaves in order, and ends by itself with one that died.
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

    /// <summary>Completes with the next <see cref="Doubt"/>.</summary>
    public Task Doubted
    {
        get
        {
            lock (_gate)
            {
                return _doubted.Task;
            }
        }
    }

    /// <summary>Its place in the member's order, see <see cref="Rendezvous"/>.</summary>
    public ulong ScoreOf(long member) => Rendezvous.Score(_seed, member);

    /// <summary>
    /// Counts a request of a member as in flight, unless that makes more than <paramref name="limit"/> and none of this member is in flight here.
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

    /// <summary>The request has its answer, or gets none.</summary>
    /// <param name="member">As when it was counted.</param>
    public void Leave(long? member)
    {
        Interlocked.Decrement(ref _inFlight);
        if (member is { } id)
        {
            Interlocked.Decrement(ref _inFlightByMember[SlotOf(id)]);
        }
    }

    /// <summary>
    /// An answer was the last on its connection, as those of a replica are that has been told to stop: worth a question
    /// before the next is due.
    /// </summary>
    public void Doubt()
    {
        TaskCompletionSource doubted;
        lock (_gate)
        {
            if (State != UpstreamState.Ready)
            {
                return;
            }
            doubted = _doubted;
            _doubted = NewSource();
        }
        doubted.TrySetResult();
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
        ended?.Cancel();
        ended?.Dispose();
    }

    /// <exception cref="TimeoutException">The state was not seen within <paramref name="limit"/>.</exception>
    public async Task WaitForAsync(UpstreamState state, TimeSpan limit, CancellationToken cancellationToken)
    {
        var reached = NewSource();
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

    /// <summary>Like <c>api-1 is ready.</c></summary>
    public string Describe() => Name + State switch
    {
        UpstreamState.Ready => " is ready.",
        UpstreamState.Alive => " is up, but not ready.",
        UpstreamState.Hanging => " is hanging.",
        _ => " is down.",
    };

    public void Dispose() => _usable.Dispose();

    internal static int SlotOf(long member) => (int)(Rendezvous.Mix((ulong)member) % Slots);

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
