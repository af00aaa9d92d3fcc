using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>
/// The rules in effect, at most one second old: on every replica, a configuration change applies to each request that starts at least a
/// second after it. Almost no request waits for the database. A command asks for its lock mode when it arrives; its batch asks for the
/// rules.
/// </summary>
/// <remarks>
/// The age of a snapshot counts from before its query was sent, and a snapshot is used only while it is younger than <see cref="UsableAge"/>. So a request
/// that starts a second or more after the commit of a change has a snapshot whose query was sent after that commit, and which has the change.
/// From <see cref="RefreshAge"/> on, one query at a time renews it in the background: about one a second. A request waits for a new snapshot only if
/// that did not happen in time (no traffic, a slow database).
/// </remarks>
internal sealed class RulesProvider(
    [FromKeyedServices(DatabasePools.ControlPool)] NpgsqlDataSource database,
    TimeProvider time,
    IOptions<BusinessOptions> options,
    IHostEnvironment environment,
    ILogger<RulesProvider> logger)
{
    /// <summary>Age from which a snapshot is renewed in the background.</summary>
    public static readonly TimeSpan RefreshAge = TimeSpan.FromMilliseconds(985);

    /// <summary>Age from which a snapshot is not used any more.</summary>
    public static readonly TimeSpan UsableAge = TimeSpan.FromSeconds(1);

    /// <summary>Maximum time a request waits for the rules. Less than the wait for a lock, which starts at the same moment.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LogPause = TimeSpan.FromSeconds(1);

    private readonly TimeZoneInfo _zone = options.Value.Zone();
    private readonly Lock _gate = new();
    private Snapshot? _snapshot;
    private Task<Snapshot>? _refresh;
    private long _refreshStartedAt;
    private int _epoch;
    private long? _loggedAt;

    /// <summary>The rules for a command that is about to run.</summary>
    /// <exception cref="NpgsqlException">The rules had to be read, and the database is unavailable.</exception>
    /// <exception cref="TimeoutException">
    /// The rules had to be read, and the database did not answer within <see cref="WaitMax"/>.
    /// </exception>
    public ValueTask<Rules> CurrentAsync(CancellationToken cancellationToken) =>
        FindUsable() is { } snapshot ? ValueTask.FromResult(ToRules(snapshot)) : WaitForRulesAsync(cancellationToken);

    /// <summary>The lock modes in effect; as recent as the rules of <see cref="CurrentAsync"/>, with the same exceptions.</summary>
    public ValueTask<LockModes> LockModesAsync(CancellationToken cancellationToken) =>
        FindUsable() is { } snapshot ? ValueTask.FromResult(snapshot.Values.LockModes) : WaitForModesAsync(cancellationToken);

    /// <summary>Discards the snapshot: after a change on this replica, its next request uses the new values.</summary>
    public void Invalidate() => Interlocked.Increment(ref _epoch);

    private Rules ToRules(Snapshot snapshot)
    {
        var offset = environment.IsProduction() ? TimeSpan.Zero : snapshot.Values.ClockOffset;
        return new Rules(snapshot.Values.Policy, new BusinessMoment(time.GetUtcNow() + offset, _zone));
    }

    /// <summary>
    /// The last snapshot if it is recent enough, otherwise null. Starts the refresh when the snapshot reaches <see cref="RefreshAge"/>.
    /// </summary>
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
            // No caller waits for it here. A failure is logged, and thrown to callers that have to wait.
            _ = JoinRefresh();
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
            var snapshot = await JoinRefresh().WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken);

            // The result of a query sent after this call started is always fresh; that of a query already running may be too old.
            // At most two rounds.
            if (snapshot.Epoch >= epoch && (snapshot.TakenAt >= asked || time.GetElapsedTime(snapshot.TakenAt) < UsableAge))
            {
                return snapshot;
            }
        }
    }

    private Task<Snapshot> JoinRefresh()
    {
        lock (_gate)
        {
            // A query that hangs is abandoned. Otherwise the first requests after a database outage would wait for a query from before it.
            if (_refresh is { IsCompleted: false } refresh && time.GetElapsedTime(_refreshStartedAt) < WaitMax)
            {
                return refresh;
            }

            _refreshStartedAt = time.GetTimestamp();

            // No execution context: the query belongs to no request, so it must neither be cancelled with one nor appear in its trace.
            using (ExecutionContext.SuppressFlow())
            {
                return _refresh = Task.Run(RefreshAsync);
            }
        }
    }

    private async Task<Snapshot> RefreshAsync()
    {
        try
        {
            var epoch = Volatile.Read(ref _epoch);
            var takenAt = time.GetTimestamp();
            var snapshot = new Snapshot(await ConfigStore.ReadAsync(database, CancellationToken.None), takenAt, epoch);
            Store(snapshot);
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

    // Each request that fails logs its own line; for the failed read behind them, one line a second is enough.
    private bool IsLogDue()
    {
        lock (_gate)
        {
            var isDue = _loggedAt is not { } last || time.GetElapsedTime(last) >= LogPause;
            _loggedAt = isDue ? time.GetTimestamp() : _loggedAt;
            return isDue;
        }
    }

    private void Store(Snapshot snapshot)
    {
        lock (_gate)
        {
            // An abandoned query may return after its successor.
            if (_snapshot is not { } known || known.TakenAt <= snapshot.TakenAt)
            {
                Volatile.Write(ref _snapshot, snapshot);
            }
        }
    }

    private sealed record Snapshot(ConfigValues Values, long TakenAt, int Epoch);
}
