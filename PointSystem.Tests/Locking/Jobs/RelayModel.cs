namespace PointSystem.Tests.Locking.Jobs;

/// <summary>A deliberate error in the modelled protocol, which the check must find.</summary>
[Flags]
internal enum Flaw
{
    None = 0,

    /// <summary>Only one key, which is renewed by releasing and reacquiring it.</summary>
    OneKey = 1,

    /// <summary>The second key counts even if the lease of the first key has ended when the client receives the grant.</summary>
    LateGrantCounts = 2,

    /// <summary>All attempts of a client have the same owner, so that a late unlock releases a later hold.</summary>
    SameOwner = 4,

    /// <summary>Both keys are released before either is reacquired.</summary>
    RenewsBothAtOnce = 8,

    /// <summary>Not an error of the protocol: the store loses all keys at some moment, like a flushed Redis.</summary>
    StoreForgets = 16,
}

/// <summary>A lease as its client sees it. It ends for the client first, because the client counts it from before the request is sent.</summary>
internal enum Lease : byte
{
    None,
    Valid,
    Ended,
}

/// <summary>The state of a client. A grant and its receipt are separate steps, because the reply between them may be late or lost.</summary>
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

/// <param name="At">The client's step.</param>
/// <param name="First">The lease of the first key.</param>
/// <param name="Second">The lease of the second key.</param>
/// <param name="Asked">The lease of a grant whose reply has not arrived.</param>
/// <param name="Strays">
/// Abandoned unlocks that may still arrive: bit 0 for the first key, bit 1 for the second. Only if all attempts have the same owner.
/// </param>
internal readonly record struct Client(Step At, Lease First, Lease Second, Lease Asked, byte Strays)
{
    public bool BelievesToHold => At >= Step.Holds && (First == Lease.Valid || Second == Lease.Valid);
}

/// <summary>
/// The relay as a transition system: two keys, clients that acquire, renew, release, pause, crash and restart at any step, replies that are late
/// or lost, and leases that end at any time. A hold that no client relies on (an abandoned attempt, a crashed client, an unlock on its way) is a
/// ghost: it can appear on a free key and disappear at any time, which covers every late message whose owner is no longer in use.
/// </summary>
internal sealed class RelayModel(int clients, Flaw flaw)
{
    private const sbyte Free = -1;
    private const sbyte Ghost = -2;

    /// <summary>Visits all reachable states, or those up to the first one with two holders.</summary>
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

    /// <summary>Leases end for the client at any time, and for the store at any time after that. Abandoned unlocks arrive.</summary>
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

    /// <summary>The key whose grant has not reached the client, or -1.</summary>
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
            // It gives up, releases the lock, or crashes and restarts: from then on no client relies on what it held.
            yield return Abandon(state, index);
        }
        switch (client.At)
        {
            case Step.Idle when state.Keys[0] == Free:
                yield return state.WithKey(0, index).With(index, client with { At = Step.FirstGranted, Asked = Lease.Valid });
                break;
            case Step.FirstGranted:
                var received = flaw.HasFlag(Flaw.OneKey) ? Step.Holds : Step.HasFirst;
                yield return state.With(index, client with { At = received, First = client.Asked, Asked = Lease.None });
                break;
            case Step.HasFirst when state.Keys[1] == Free:
                // Possible even if the first lease has ended by now, because the request may have been sent before that.
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
                var retaken = flaw.HasFlag(Flaw.OneKey) ? Step.Holds : Step.RetakesSecond;
                yield return state.With(index, client with { At = retaken, First = client.Asked, Asked = Lease.None });
                break;
            case Step.FirstRegranted when client.Second == Lease.Valid:
                yield return state.With(index, client with { At = Step.Holds, First = client.Asked, Asked = Lease.None });
                break;
            case Step.SecondRegranted when client.First == Lease.Valid:
                yield return state.With(index, client with { At = Step.Holds, Second = client.Asked, Asked = Lease.None });
                break;
        }
    }

    /// <summary>Releases one key, whether or not the reply arrives, and continues by reacquiring it.</summary>
    private IEnumerable<State> Renewals(State state, sbyte index)
    {
        var client = state.Clients[index];
        if (flaw.HasFlag(Flaw.OneKey))
        {
            // It keeps working during the gap, because its old lease has not ended: there is no other key to rely on.
            yield return Unlock(state, index, 0).With(index, client with { At = Step.RetakesFirst });
        }
        else if (flaw.HasFlag(Flaw.RenewsBothAtOnce))
        {
            yield return Unlock(Unlock(state, index, 0), index, 1).With(index, client with { At = Step.RetakesFirst });
        }
        else
        {
            var stray = flaw.HasFlag(Flaw.SameOwner);
            var (first, second) = stray ? ((byte)(client.Strays | 1), (byte)(client.Strays | 2)) : (client.Strays, client.Strays);
            yield return Unlock(state, index, 0).With(index, client with { At = Step.RetakesFirst, First = Lease.None, Strays = first });
            yield return Unlock(state, index, 1).With(index, client with { At = Step.RetakesSecond, Second = Lease.None, Strays = second });
        }
    }

    private static State Unlock(State state, sbyte index, int key) => state.Keys[key] == index ? state.WithKey(key, Ghost) : state;

    private static State Abandon(State state, sbyte index) => Unlock(Unlock(state, index, 0), index, 1).With(index, default);

    /// <summary>The holder of each key, and the state of each client.</summary>
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

        /// <summary>The same text for all states that differ only in the numbering of the clients.</summary>
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
