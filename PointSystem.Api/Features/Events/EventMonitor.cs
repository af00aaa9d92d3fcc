using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events;

/// <summary>
/// Looks for new events and for events that are held back, with one small query for all streams of this replica. Event streams wait here, without
/// a database connection. It also measures <c>pointsystem.events.lag</c>.
/// </summary>
internal sealed class EventMonitor : BackgroundService
{
    // A longer lag asks which transaction is the cause.
    private static readonly TimeSpan BlockerAfter = TimeSpan.FromSeconds(2);

    // Without an answer of the database for so long, the lag is unknown.
    private static readonly TimeSpan KnownFor = TimeSpan.FromSeconds(15);

    private readonly NpgsqlDataSource _database;
    private readonly RulesProvider _rules;
    private readonly TimeProvider _time;
    private readonly EventOptions _options;
    private readonly ILogger<EventMonitor> _logger;
    private readonly SemaphoreSlim _wake = new(0, 1);
    private volatile TaskCompletionSource _news = NewSignal();
    private volatile EventState? _state;
    private int _waiting;

    public EventMonitor(
        [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource database,
        RulesProvider rules,
        TimeProvider time,
        IOptions<EventOptions> options,
        IMeterFactory meters,
        ILogger<EventMonitor> logger)
    {
        (_database, _rules, _time, _options, _logger) = (database, rules, time, options.Value, logger);
        meters.Create("PointSystem.Api").CreateObservableGauge(
            "pointsystem.events.lag", Measure, "s", "Age of the oldest committed event that cannot be published yet, because an older transaction is open");
    }

    /// <summary>The last state; null if it is unknown.</summary>
    public EventState? State => _state is { } state && _time.GetUtcNow() - state.At < KnownFor ? state : null;

    /// <summary>Waits until there are events beyond a position.</summary>
    public async Task WaitBeyondAsync(long position, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            Wake();
            while (true)
            {
                var news = _news;
                if (_state?.Tip > position)
                {
                    return;
                }

                await news.Task.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var isFailing = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            var looked = _time.GetTimestamp();
            try
            {
                await LookAsync(stoppingToken);
                isFailing = false;
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                if (!isFailing)
                {
                    // Once for each outage, in which there are enough other lines.
                    _logger.NotRead(failure);
                }

                isFailing = true;
            }

            await PauseAsync(looked, stoppingToken);
        }
    }

    public override void Dispose()
    {
        _wake.Dispose();
        base.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// The pause is long while no stream waits; the first that begins to wait ends it, but no sooner than the short pause would: streams that read what the
    /// last look has found, and wait again, would make looks of their own. After a look that took long it would be half a short pause.
    /// </summary>
    private async Task PauseAsync(long looked, CancellationToken stoppingToken)
    {
        var ended = _time.GetTimestamp();
        try
        {
            if (Volatile.Read(ref _waiting) == 0 && !await _wake.WaitAsync(_options.LagInterval, stoppingToken))
            {
                return;
            }

            var (left, least) = (_options.PollInterval - _time.GetElapsedTime(looked), (_options.PollInterval / 2) - _time.GetElapsedTime(ended));
            left = left > least ? left : least;
            if (left > TimeSpan.Zero)
            {
                await Task.Delay(left, _time, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
    }

    private void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake already.
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        var (tip, ledgerHeldSince, heldSince, isAhead, hasWebhooks) = await _database.RunAsync(connection => ReadAsync(connection, cancellationToken), cancellationToken);
        if (ledgerHeldSince is { } business)
        {
            // The ledger has business time, which can be moved outside production.
            var real = business - ((await _rules.CurrentAsync(cancellationToken)).At.Now - now);
            heldSince = heldSince < real ? heldSince : real;
        }

        var blocker = heldSince is { } since && now - since >= BlockerAfter
            ? await _database.RunAsync(connection => ReadBlockerAsync(connection, cancellationToken), cancellationToken)
            : null;
        var before = _state;
        _state = new EventState(now, tip, heldSince, isAhead, hasWebhooks, blocker);
        if (tip != before?.Tip)
        {
            var news = _news;
            _news = NewSignal();
            news.SetResult();
        }
    }

    private static async Task<(long Tip, DateTimeOffset? LedgerHeldSince, DateTimeOffset? OthersHeldSince, bool IsAhead, bool HasWebhooks)> ReadAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(Columns.Statement(EventSql.State));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetInt64(0), reader.InstantOrNull(1), reader.InstantOrNull(2), reader.GetBoolean(3), reader.GetBoolean(4));
    }

    private static async Task<string> ReadBlockerAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(EventSql.Blocker, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return "a transaction of another role, which only members of pg_read_all_stats can see, is open";
        }

        var (name, seconds) = (reader.GetString(0), reader.GetDouble(2));
        return reader.IsDBNull(1)
            ? FormattableString.Invariant($"the prepared transaction '{name}' is open since {seconds:0} s")
            : FormattableString.Invariant($"the transaction of backend {name} ({reader.GetString(4)}, {reader.GetString(1)}) is open since {seconds:0} s");
    }

    private IEnumerable<Measurement<double>> Measure() => State is { } state ? [new(state.LagAt(_time.GetUtcNow()).TotalSeconds)] : [];
}

/// <summary>What <see cref="EventMonitor"/> saw last.</summary>
/// <param name="At">When.</param>
/// <param name="Tip">The highest position of an event that can be read.</param>
/// <param name="HeldSince">When the first event happened that is committed but cannot be read yet; null if there is none.</param>
/// <param name="IsAhead">See <see cref="EventPositions.AreAhead"/>.</param>
/// <param name="HasWebhooks">Whether an endpoint of webhooks is enabled.</param>
/// <param name="Blocker">The transaction that holds events back; null if none are, or not for long.</param>
internal sealed record EventState(DateTimeOffset At, long Tip, DateTimeOffset? HeldSince, bool IsAhead, bool HasWebhooks, string? Blocker)
{
    /// <summary>Age of the oldest event that is held back; 0 if there is none.</summary>
    public TimeSpan LagAt(DateTimeOffset now) => HeldSince is { } since && now > since ? now - since : TimeSpan.Zero;
}
