namespace PointSystem.Tests.Locking.Jobs;

/// <summary>What a protocol of the model does otherwise than the relay, to see that the check finds it.</summary>
[Flags]
internal enum Flaw
{
    None = 0,

    /// <summary>One key, renewed by giving it back and taking it anew.</summary>
    OneKey = 1,

    /// <summary>The second key counts although the first one's lease had ended when its grant was heard of.</summary>
    LateGrantCounts = 2,

    /// <summary>All attempts of a client have one owner, so that an unlock that arrives late frees a later hold.</summary>
    SameOwner = 4,

    /// <summary>Both keys are given back before either is taken anew.</summary>
    RenewsBothAtOnce = 8,

    /// <summary>No flaw of the protocol: the store forgets everything at some moment, as a flushed Redis does.</summary>
    StoreForgets = 16,
}

/// <summary>What a lease is to the client that took it. It ends for the client first, then for the store: it is counted from before the request left.</summary>
internal enum Lease : byte
{
    None,
    Valid,
    Ended,
}

/// <summary>Where a client stands. Heard-of steps are apart from granted ones: between them lies the reply, which may be late or lost.</summary>
internal enum Step : byte
{
    Idle,
    FirstGranted,
    HasFirst,
    SecondGranted,
    Holds,
    RetakesFirst,
    FirstRegranted,
    RetakesSecond,
    SecondRegranted,
}

/// <param name="At">Its step.</param>
/// <param name="First">Its lease of the first key.</param>
/// <param name="Second">Its lease of the second key.</param>
/// <param name="Asked">The lease of a grant that it has not heard of.</param>
/// <param name="Strays">Unlocks it no longer waits for and that may still arrive; bit 0 the first key's, bit 1 the second's. Only with one owner for all.</param>
internal readonly record struct Client(Step At, Lease First, Lease Second, Lease Asked, byte Strays)
{
    public bool BelievesToHold => At >= Step.Holds && (First == Lease.Valid || Second == Lease.Valid);
}

/// <summary>
/// The relay as a transition system: clients that take, renew, give back, pause, crash and start anew at any step, replies that are late or lost, leases that
/// end at any time, and two keys. A hold that nobody relies on (an abandoned attempt, a crashed client, an unlock on its way) is a ghost: it can appear on a
/// free key and vanish at any time, which covers every late message whose owner is no longer in use.
/// </summary>
internal sealed class RelayModel(int clients, Flaw flaw)
{
    private const sbyte Free = -1;
    private const sbyte Ghost = -2;

    /// <summary>All states that can be reached, or those up to the first with two holders.</summary>
    public (int States, State? TwoHolders, bool SomebodyRenewed, bool SomebodyTookOver) Explore()
    {
        var start = new State(Free, Free, [.. Enumerable.Repeat(default(Client), clients)]);
        var seen = new HashSet<string> { start.Canonical() };
        var open = new Queue<State>([start]);
        var (renewed, tookOver) = (false, false);
        while (open.TryDequeue(out var state))
        {
            if (state.Clients.Count(client => client.BelievesToHold) > 1)
            {
                return (seen.Count, state, renewed, tookOver);
            }
            renewed |= state.Clients.Any(client => client is { At: Step.SecondRegranted, First: Lease.Valid, Asked: Lease.Valid });
            tookOver |= state.Clients.Any(client => client.BelievesToHold) && (state.Clients.Any(client => client.At >= Step.Holds && !client.BelievesToHold));
            foreach (var next in Next(state))
            {
                if (seen.Add(next.Canonical()))
                {
                    open.Enqueue(next);
                }
            }
        }
        return (seen.Count, null, renewed, tookOver);
    }

    private IEnumerable<State> Next(State state)
    {
        foreach (var key in new[] { 0, 1 })
        {
            if (state.Keys[key] is Free or Ghost)
            {
                yield return state.WithKey(key, state.Keys[key] == Free ? Ghost : Free);
            }
        }
        if (flaw.HasFlag(Flaw.StoreForgets))
        {
            yield return state.WithKey(0, Free).WithKey(1, Free);
        }
        for (sbyte index = 0; index < clients; index++)
        {
            foreach (var next in OfClient(state, index))
            {
                yield return next;
            }
            foreach (var next in OfTime(state, index))
            {
                yield return next;
            }
        }
    }

    /// <summary>Leases end: for the client at any time, for the store at any time after that. Stray unlocks arrive.</summary>
    private static IEnumerable<State> OfTime(State state, sbyte index)
    {
        var client = state.Clients[index];
        if (client.First == Lease.Valid)
        {
            yield return state.With(index, client with { First = Lease.Ended });
        }
        if (client.Second == Lease.Valid)
        {
            yield return state.With(index, client with { Second = Lease.Ended });
        }
        if (client.Asked == Lease.Valid)
        {
            yield return state.With(index, client with { Asked = Lease.Ended });
        }
        foreach (var key in new[] { 0, 1 })
        {
            if (state.Keys[key] == index && LeaseOf(client, key) != Lease.Valid)
            {
                yield return state.WithKey(key, Free);
            }
            if ((client.Strays & (1 << key)) != 0 && state.Keys[key] == index)
            {
                yield return state.WithKey(key, Free);
            }
        }
    }

    private static Lease LeaseOf(Client client, int key) =>
        Asks(client.At) == key ? client.Asked : key == 0 ? client.First : client.Second;

    /// <summary>The key whose grant the client has not heard of, or -1.</summary>
    private static int Asks(Step at) => at switch
    {
        Step.FirstGranted or Step.FirstRegranted => 0,
        Step.SecondGranted or Step.SecondRegranted => 1,
        _ => -1,
    };

    private IEnumerable<State> OfClient(State state, sbyte index)
    {
        var client = state.Clients[index];
        if (client.At != Step.Idle)
        {
            // Gives up, gives back, or crashes and starts anew: all it held is nobody's from then on.
            yield return Abandon(state, index);
        }
        switch (client.At)
        {
            case Step.Idle when state.Keys[0] == Free:
                yield return state.WithKey(0, index).With(index, client with { At = Step.FirstGranted, Asked = Lease.Valid });
                break;
            case Step.FirstGranted:
                yield return state.With(index, client with { At = flaw.HasFlag(Flaw.OneKey) ? Step.Holds : Step.HasFirst, First = client.Asked, Asked = Lease.None });
                break;
            case Step.HasFirst when state.Keys[1] == Free:
                // Also when its first lease has ended by now: the request may have left before that.
                yield return state.WithKey(1, index).With(index, client with { At = Step.SecondGranted, Asked = Lease.Valid });
                break;
            case Step.SecondGranted when client.First == Lease.Valid || flaw.HasFlag(Flaw.LateGrantCounts):
                yield return state.With(index, client with { At = Step.Holds, Second = client.Asked, Asked = Lease.None });
                break;
            case Step.Holds:
                foreach (var next in Renewals(state, index))
                {
                    yield return next;
                }
                break;
            case Step.RetakesFirst when state.Keys[0] == Free:
                yield return state.WithKey(0, index).With(index, client with { At = Step.FirstRegranted, Asked = Lease.Valid });
                break;
            case Step.RetakesSecond when state.Keys[1] == Free:
                yield return state.WithKey(1, index).With(index, client with { At = Step.SecondRegranted, Asked = Lease.Valid });
                break;
            case Step.FirstRegranted when flaw.HasFlag(Flaw.OneKey) || flaw.HasFlag(Flaw.RenewsBothAtOnce):
                yield return state.With(index, client with { At = flaw.HasFlag(Flaw.OneKey) ? Step.Holds : Step.RetakesSecond, First = client.Asked, Asked = Lease.None });
                break;
            case Step.FirstRegranted when client.Second == Lease.Valid:
                yield return state.With(index, client with { At = Step.Holds, First = client.Asked, Asked = Lease.None });
                break;
            case Step.SecondRegranted when client.First == Lease.Valid:
                yield return state.With(index, client with { At = Step.Holds, Second = client.Asked, Asked = Lease.None });
                break;
        }
    }

    /// <summary>Gives one key back (heard of or not) and goes on to take it anew.</summary>
    private IEnumerable<State> Renewals(State state, sbyte index)
    {
        var client = state.Clients[index];
        if (flaw.HasFlag(Flaw.OneKey))
        {
            // It works on through the gap, because its old lease would have stood: there is no other key to rely on.
            yield return Unlock(state, index, 0).With(index, client with { At = Step.RetakesFirst });
        }
        else if (flaw.HasFlag(Flaw.RenewsBothAtOnce))
        {
            yield return Unlock(Unlock(state, index, 0), index, 1).With(index, client with { At = Step.RetakesFirst });
        }
        else
        {
            var stray = flaw.HasFlag(Flaw.SameOwner);
            yield return Unlock(state, index, 0).With(index, client with { At = Step.RetakesFirst, First = Lease.None, Strays = (byte)(client.Strays | (stray ? 1 : 0)) });
            yield return Unlock(state, index, 1).With(index, client with { At = Step.RetakesSecond, Second = Lease.None, Strays = (byte)(client.Strays | (stray ? 2 : 0)) });
        }
    }

    private static State Unlock(State state, sbyte index, int key) => state.Keys[key] == index ? state.WithKey(key, Ghost) : state;

    private static State Abandon(State state, sbyte index) => Unlock(Unlock(state, index, 0), index, 1).With(index, default);

    /// <summary>Who holds each key, and what each client knows.</summary>
    internal sealed record State(sbyte[] Keys, Client[] Clients)
    {
        public State(sbyte first, sbyte second, Client[] clients)
            : this([first, second], clients)
        {
        }

        public State WithKey(int key, sbyte holder) => this with { Keys = key == 0 ? [holder, Keys[1]] : [Keys[0], holder] };

        public State With(int index, Client client)
        {
            var clients = (Client[])Clients.Clone();
            clients[index] = client;
            return this with { Clients = clients };
        }

        /// <summary>One text for all states that differ only in the clients' names.</summary>
        public string Canonical()
        {
            var parts = Clients.Select((client, index) => string.Create(5, (client, index, Keys), static (text, of) =>
            {
                text[0] = (char)('a' + (int)of.client.At);
                text[1] = (char)('0' + ((int)of.client.First * 3) + (int)of.client.Second);
                text[2] = (char)('0' + (int)of.client.Asked);
                text[3] = (char)('0' + of.client.Strays);
                text[4] = (char)('0' + (of.Keys[0] == of.index ? 1 : 0) + (of.Keys[1] == of.index ? 2 : 0));
            })).Order(StringComparer.Ordinal);
            return $"{(Keys[0] == Ghost ? 'g' : '-')}{(Keys[1] == Ghost ? 'g' : '-')}{string.Concat(parts)}";
        }
    }
}
