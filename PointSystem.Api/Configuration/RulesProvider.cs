using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>
/// The rules in force, never older than a second: a change of the configuration holds for every request that begins a second after it, on every
/// replica, and nearly no request waits for the database to know them. A command asks for its lock mode alone when it arrives; its batch asks for the rules.
/// </summary>
/// <remarks>
/// A snapshot's age counts from before its query was sent. It is renewed in the background from <see cref="RefreshAge"/> on, by one query at a time;
/// only where that did not happen in time (no traffic, a slow database) does a request wait for a new one.
/// </remarks>
internal sealed class RulesProvider(
    [FromKeyedServices(DatabasePools.ControlPool)] NpgsqlDataSource database,
    TimeProvider time,
    IOptions<BusinessOptions> options,
    IHostEnvironment environment,
    ILogger<RulesProvider> logger)
{
    /// <summary>Age from which a snapshot is renewed in the background.</summary>
    public static readonly TimeSpan RefreshAge = TimeSpan.FromMilliseconds(500);

    /// <summary>Age from which it is not used any more. Less than a second: the command that goes by it has yet to run.</summary>
    public static readonly TimeSpan UsableAge = TimeSpan.FromMilliseconds(900);

    /// <summary>How long a request waits for them. Less than the wait for a lock, which counts from the same moment.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LogPause = TimeSpan.FromSeconds(1);

    private readonly TimeZoneInfo _zone = options.Value.Zone();
    private readonly Lock _gate = new();
    private Snapshot? _snapshot;
    private Task<Snapshot>? _flight;
    private long _flightSince;
    private int _epoch;
    private long? _loggedAt;

    /// <summary>The rules for a command that is about to run.</summary>
    /// <exception cref="NpgsqlException">They had to be read, and the database is away.</exception>
    /// <exception cref="TimeoutException">They had to be read, and the database did not answer within <see cref="WaitMax"/>.</exception>
    public ValueTask<Rules> CurrentAsync(CancellationToken cancellationToken) =>
        FindUsable() is { } snapshot ? ValueTask.FromResult(ToRules(snapshot)) : WaitForRulesAsync(cancellationToken);

    /// <summary>How writes are put in order now; as young as <see cref="CurrentAsync"/>, with the same exceptions.</summary>
    public ValueTask<LockModes> LockModesAsync(CancellationToken cancellationToken) =>
        FindUsable() is { } snapshot ? ValueTask.FromResult(snapshot.Values.LockModes) : WaitForModesAsync(cancellationToken);

    /// <summary>Forgets what is known: after a change on this replica, its next request goes by it at once.</summary>
    public void Invalidate() => Interlocked.Increment(ref _epoch);

    private Rules ToRules(Snapshot snapshot)
    {
        var offset = environment.IsProduction() ? TimeSpan.Zero : snapshot.Values.ClockOffset;
        return new Rules(snapshot.Values.Policy, new BusinessMoment(time.GetUtcNow() + offset, _zone));
    }

    /// <summary>The last snapshot while it is young enough to be used; has it renewed before it no longer is.</summary>
    private Snapshot? FindUsable()
    {
        if (Volatile.Read(ref _snapshot) is not { } snapshot || snapshot.Epoch != Volatile.Read(ref _epoch))
        {
            return null;
        }

        var age = time.GetElapsedTime(snapshot.TakenAt);
        if (age >= UsableAge)
        {
            return null;
        }

        if (age >= RefreshAge)
        {
            // No caller waits for it here; a failure is logged, and thrown to callers that have to wait.
            _ = JoinFlight();
        }

        return snapshot;
    }

    private async ValueTask<Rules> WaitForRulesAsync(CancellationToken cancellationToken) => ToRules(await WaitAsync(cancellationToken));

    private async ValueTask<LockModes> WaitForModesAsync(CancellationToken cancellationToken) => (await WaitAsync(cancellationToken)).Values.LockModes;

    private async ValueTask<Snapshot> WaitAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        var epoch = Volatile.Read(ref _epoch);
        while (true)
        {
            var left = WaitMax - time.GetElapsedTime(asked);
            var snapshot = await JoinFlight().WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken);

            // A query sent after the question is fresh however long it took; one that was already under way may be too old. Two rounds at most.
            if (snapshot.Epoch >= epoch && (snapshot.TakenAt >= asked || time.GetElapsedTime(snapshot.TakenAt) < UsableAge))
            {
                return snapshot;
            }
        }
    }

    private Task<Snapshot> JoinFlight()
    {
        lock (_gate)
        {
            // One that hangs is given up, or the first requests after a database's return would wait for what was asked before it went away.
            if (_flight is { IsCompleted: false } flight && time.GetElapsedTime(_flightSince) < WaitMax)
            {
                return flight;
            }

            _flightSince = time.GetTimestamp();

            // Its own context: the query belongs to no request, so it must not end with one nor show in its trace.
            using (ExecutionContext.SuppressFlow())
            {
                return _flight = Task.Run(FlyAsync);
            }
        }
    }

    private async Task<Snapshot> FlyAsync()
    {
        try
        {
            var epoch = Volatile.Read(ref _epoch);
            var takenAt = time.GetTimestamp();
            var snapshot = new Snapshot(await ConfigStore.ReadAsync(database, CancellationToken.None), takenAt, epoch);
            Keep(snapshot);
            return snapshot;
        }
        catch (Exception failure)
        {
            if (IsLogDue())
            {
                logger.RulesNotRead(failure);
            }

            throw;
        }
    }

    // Every request that finds no rules asks for them, and has a line of its own; for what it waited on, one line a second is enough.
    private bool IsLogDue()
    {
        lock (_gate)
        {
            var isDue = _loggedAt is not { } last || time.GetElapsedTime(last) >= LogPause;
            _loggedAt = isDue ? time.GetTimestamp() : _loggedAt;
            return isDue;
        }
    }

    private void Keep(Snapshot snapshot)
    {
        lock (_gate)
        {
            // One that was given up may come in after its successor.
            if (_snapshot is not { } known || known.TakenAt <= snapshot.TakenAt)
            {
                Volatile.Write(ref _snapshot, snapshot);
            }
        }
    }

    private sealed record Snapshot(ConfigValues Values, long TakenAt, int Epoch);
}
