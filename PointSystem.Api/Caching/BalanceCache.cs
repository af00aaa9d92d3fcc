using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using StackExchange.Redis;

namespace PointSystem.Api.Caching;

/// <summary>
/// The current balances of members in Redis. Each replica sends what it has committed or read; an older value never replaces a newer one. Redis may be
/// late, frozen, full or gone at any time: then it is left alone for a second, and nothing here fails.
/// </summary>
/// <remarks>
/// An account has the lots that its commands need, so a replica makes the new value of the one before it. Where several replicas write a member in turn,
/// each also puts what it has changed beside the value, so that all of them can follow: waiting for each other's values would be slower than the writes.
/// </remarks>
internal sealed class BalanceCache(
    IServiceProvider services, IOptions<CacheOptions> options, TimeProvider time, CacheMetrics metrics, ILogger<BalanceCache> logger) : BackgroundService
{
    /// <summary>Name of its connection string, and of the client.</summary>
    public const string ConnectionName = "points-cache";

    // Other programs may use the same Redis.
    private const string Prefix = "points:balance:";

    // Values that wait to be sent: a second of writes at full speed.
    private const int QueueMax = 10_000;
    private const int PipelineMax = 500;

    // A value of another kind counts as none: SET replaces it. Text of the same length compares like the numbers in it.
    private static readonly string SetIfNewer =
        string.Create(CultureInfo.InvariantCulture, $"""
        local held = redis.pcall('GETRANGE', KEYS[1], 0, {CachedBalance.RankLength - 1})
        if type(held) == 'string' and string.len(held) == {CachedBalance.RankLength} and not string.find(held, '%D')
            and held > string.sub(ARGV[1], 1, {CachedBalance.RankLength}) then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1
        """);

    // A cache that answers does so in a millisecond.
    private static readonly TimeSpan ReadLimit = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ClaimTime = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan ChangeTime = TimeSpan.FromSeconds(1);

    // What another replica has committed is in Redis a moment later, unless that replica has died. No reader waits that long.
    private static readonly TimeSpan PendingMax = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PendingPause = TimeSpan.FromMilliseconds(1);

    private readonly PendingChanges _pending = new();
    private readonly BalanceTable _table = new(time, options.Value.Ttl);
    private readonly Absence _absence = new(time);
    private readonly Channel<CachedBalance> _queue = Channel.CreateBounded<CachedBalance>(
        new BoundedChannelOptions(QueueMax) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite },
        _ => metrics.Wrote(CacheWrite.Dropped));

    private readonly ConcurrentDictionary<long, Task<CachedBalance?>> _asked = new();

    private volatile IDatabase? _redis;
    private bool _isAway;
    private bool _asksAgain;

    /// <summary>How long a value is served.</summary>
    public TimeSpan Ttl => options.Value.Ttl;

    /// <summary>Whether it can be asked: it is connected, and did answer within the last second.</summary>
    public bool IsUsable => _redis is not null && _absence.IsOver;

    /// <summary>
    /// Takes over what was committed. Returns at once: the values are sent to Redis in the background, but readers on this replica see none that is
    /// older from now on.
    /// </summary>
    /// <param name="accounts">The accounts after the commit.</param>
    /// <param name="knownAt">A moment before the commit, at which the rows of the accounts were locked.</param>
    public void Committed(IEnumerable<MemberAccount> accounts, DateTimeOffset knownAt)
    {
        try
        {
            foreach (var account in accounts.Where(account => !account.Changes.IsEmpty))
            {
                var change = BalanceChange.Of(account, knownAt);
                var value = _table.AddWrite(account.MemberId, before => change.On(before));
                if (value.HasLots || !IsUsable || !TryComplete(change))
                {
                    _queue.Writer.TryWrite(value);
                }
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The write stands: it must not be reported as failed.
            logger.CacheNotUpdated(failure);
        }
    }

    /// <summary>Adds what was read from the database.</summary>
    /// <returns>The same, with the changes since then that replicas have shown: an older value would be refused, and the next reader would read again.</returns>
    public async Task<CachedBalance> AddAsync(CachedBalance value)
    {
        try
        {
            for (var began = time.GetTimestamp(); IsUsable && time.GetElapsedTime(began) < ReadLimit;)
            {
                if (await FollowAsync(value, ReadLimit) is not { HasLots: true } next)
                {
                    break;
                }

                value = next;
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Redis is away.
        }

        _table.AddRead(value);
        _queue.Writer.TryWrite(value);
        return value;
    }

    /// <summary>The newest version that this replica has written or seen lately; 0 if none. A standby can be older.</summary>
    public long VersionOf(long member) => _table.Find(member)?.Version ?? 0;

    /// <summary>
    /// While the newest value of a member waits for its lots, the next one that has them; it may be older than the newest. The result is null if there will
    /// be none, and the task if none is waited for.
    /// </summary>
    public Task<CachedBalance?>? NextOf(long member) => _pending.Next(member);

    /// <summary>How old a value is. The clocks of two machines may differ by a little.</summary>
    public TimeSpan AgeOf(CachedBalance value) => time.GetUtcNow() - value.KnownAt is var age && age > TimeSpan.Zero ? age : TimeSpan.Zero;

    /// <summary>The newest known value of a member; null if there is none.</summary>
    /// <remarks>
    /// While Redis does not answer, that is what this replica itself wrote or read within the last second: when it fails under load, its load must not
    /// fall on the database.
    /// </remarks>
    public async Task<CachedBalance?> FindAsync(long member, CancellationToken cancellationToken)
    {
        var shared = await TryAskAsync(member, cancellationToken);
        var newest = _table.Find(member);
        newest = newest is null || (shared is not null && newest.IsBehind(shared)) ? shared : newest;
        return newest is not null && AgeOf(newest) < (IsUsable ? Ttl : Absence.Pause) ? newest : null;
    }

    private async Task<CachedBalance?> TryAskAsync(long member, CancellationToken cancellationToken)
    {
        if (!IsUsable)
        {
            return null;
        }

        // Readers of a member that ask at the same time share an answer. It may have been on its way before the last of them came.
        if (!_asked.TryGetValue(member, out var asking))
        {
            asking = AskAsync(member);
            if (_asked.TryAdd(member, asking))
            {
                _ = asking.ContinueWith(
                    _ => _asked.TryRemove(member, out Task<CachedBalance?>? _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously,
                    TaskScheduler.Default);
            }
        }

        try
        {
            var shared = await asking.WaitAsync(ReadLimit, time, cancellationToken);
            if (_isAway && Interlocked.Exchange(ref _isAway, false))
            {
                logger.CacheBack();
            }

            return shared;
        }
        catch (TimeoutException) when (asking.IsCompletedSuccessfully)
        {
            // Redis did answer. It was this replica that was too busy to take the answer in time.
            return await asking;
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            _ = LeaveAloneAsync(failure);
            return null;
        }
    }

    /// <summary>Leaves Redis alone for a second, unless it does answer now: this replica itself may have been too busy for a moment.</summary>
    private async Task LeaveAloneAsync(Exception failure)
    {
        _absence.Begin();
        if (failure is TimeoutException)
        {
            if (Interlocked.Exchange(ref _asksAgain, true))
            {
                return;
            }

            try
            {
                await _redis!.PingAsync().WaitAsync(ReadLimit, time);
                _absence.End();
                return;
            }
            catch (Exception again) when (again is not OutOfMemoryException)
            {
                // It stays alone.
            }
            finally
            {
                _asksAgain = false;
            }
        }

        if (!Interlocked.Exchange(ref _isAway, true))
        {
            logger.CacheAway(failure is TimeoutException ? "no answer" : failure.Message);
        }
    }

    /// <summary>Gets the value in Redis if it is better than the one that this replica has.</summary>
    private async Task<CachedBalance?> AskAsync(long member)
    {
        string? text;
        try
        {
            text = await _redis!.StringGetAsync(KeyOf(member));
        }
        catch (RedisServerException)
        {
            // The key has something else, or Redis refuses to answer.
            return null;
        }

        var rank = _table.Find(member)?.Rank;
        if (text is null || (rank is not null && string.CompareOrdinal(text, 0, rank, 0, CachedBalance.RankLength) <= 0)
            || CachedBalance.Read(member, text) is not { } shared)
        {
            return null;
        }

        // So that the next write on this replica finds the lots before it.
        _table.AddRead(shared);
        return shared;
    }

    /// <summary>Claims the right to read a member's balance for all replicas, for a moment. Also true if Redis does not answer.</summary>
    public async Task<bool> TryClaimAsync(long member)
    {
        try
        {
            return !IsUsable || await _redis!.StringSetAsync(ClaimOf(member), 1, ClaimTime, When.NotExists).WaitAsync(ReadLimit, time);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return true;
        }
    }

    /// <summary>Gives the right back, without waiting. After its time it may be that of another replica: then one more reads.</summary>
    public void ReleaseClaim(long member) => _ = RemoveAsync(ClaimOf(member));

    /// <summary>
    /// Makes the value after a change when the one before it is known, in the background. False if too many wait.
    /// </summary>
    private bool TryComplete(BalanceChange change)
    {
        if (!_pending.TryAdd(change, time.GetTimestamp(), out var isFirst))
        {
            return false;
        }

        // Without the execution context: it belongs to no request.
        ThreadPool.UnsafeQueueUserWorkItem(one => _ = isFirst ? CompleteAsync(one) : ShowAsync(one), change, preferLocal: false);
        return true;
    }

    /// <summary>Makes values of the member's changes, of this replica and of others, until none of this one is pending.</summary>
    private async Task CompleteAsync(BalanceChange first)
    {
        var member = first.MemberId;
        try
        {
            // Of most members that are written, nobody reads the balance: then there is nothing, and nobody needs the change.
            var value = await GetAsync(member);
            if (value is not null)
            {
                _ = ShowAsync(first);
            }

            while (_pending.TryPeek(member, out var change, out var addedAt))
            {
                if (value is { HasLots: true } && value.Version < change.Base)
                {
                    var next = await FollowAsync(value, WriteLimit) ?? await GetAsync(member);
                    if (next is null || next.Version > value.Version)
                    {
                        value = next;
                        continue;
                    }

                    if (time.GetElapsedTime(addedAt) < PendingMax)
                    {
                        await Task.Delay(PendingPause, time);
                        continue;
                    }
                }

                // One that is newer was read from the database, or made by another replica, with the change.
                value = value?.Version > change.Base ? value : change.On(value);
                if (!value.HasLots)
                {
                    GiveUp(member);
                    return;
                }

                _table.AddWrite(member, _ => value);
                if (_pending.Complete(value) != value.Version)
                {
                    _queue.Writer.TryWrite(value);
                }
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Redis is away.
            GiveUp(member);
        }
    }

    /// <summary>Shows a change to the other replicas, and to who is reading the balance.</summary>
    private async Task ShowAsync(BalanceChange change)
    {
        try
        {
            await _redis!.StringSetAsync(KeyOf(change.MemberId, change.Base), change.Write(), ChangeTime).WaitAsync(WriteLimit, time);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // They do without.
        }
    }

    /// <summary>The value after the change of this one that a replica has shown; null if there is none.</summary>
    private async Task<CachedBalance?> FollowAsync(CachedBalance value, TimeSpan limit) =>
        BalanceChange.Read(value.MemberId, await GetTextAsync(KeyOf(value.MemberId, value.Version), limit))?.On(value);

    private async Task<CachedBalance?> GetAsync(long member) => CachedBalance.Read(member, await GetTextAsync(KeyOf(member), WriteLimit));

    private async Task<string?> GetTextAsync(string key, TimeSpan limit) => await _redis!.StringGetAsync(key).WaitAsync(limit, time);

    /// <summary>The next reader reads the lots from the database. Without them the newest value keeps older ones out.</summary>
    private void GiveUp(long member)
    {
        _pending.Clear(member);
        if (_table.Find(member) is { } newest)
        {
            _queue.Writer.TryWrite(newest);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The client connects when it is made, and waits for that: not at the start of this service, which does without.
        await Task.Yield();
        try
        {
            _redis = services.GetRequiredKeyedService<IConnectionMultiplexer>(ConnectionName).GetDatabase();
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            logger.CacheNotMade(failure);
            return;
        }

        while (await _queue.Reader.WaitToReadAsync(stoppingToken))
        {
            var values = new Dictionary<long, CachedBalance>();
            while (values.Count < PipelineMax && _queue.Reader.TryRead(out var value))
            {
                if (!values.TryGetValue(value.MemberId, out var other) || other.IsBehind(value))
                {
                    values[value.MemberId] = value;
                }
            }

            // Started together, so the client sends them together.
            await Task.WhenAll(values.Values.Select(SendAsync));
        }
    }

    private async Task SendAsync(CachedBalance value)
    {
        var left = Ttl - AgeOf(value);
        var outcome = CacheWrite.Dropped;
        if (left > TimeSpan.FromMilliseconds(1))
        {
            RedisKey key = KeyOf(value.MemberId);
            try
            {
                var isStored = (bool)await _redis!.ScriptEvaluateAsync(SetIfNewer, [key], [value.Write(), (long)left.TotalMilliseconds])
                    .WaitAsync(WriteLimit, time);
                outcome = isStored ? CacheWrite.Stored : CacheWrite.Older;
            }
            catch (RedisServerException)
            {
                // Its memory is full. What it has is older, and removing that needs no memory.
                outcome = CacheWrite.Failed;
                await RemoveAsync(key);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                outcome = CacheWrite.Failed;
            }
        }

        metrics.Wrote(outcome);
    }

    private async Task RemoveAsync(RedisKey key)
    {
        try
        {
            await (_redis?.KeyDeleteAsync(key).WaitAsync(WriteLimit, time) ?? Task.CompletedTask);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // It ends with its TTL.
        }
    }

    private static string KeyOf(long member) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{member}");

    /// <summary>The key of the change that follows a version.</summary>
    private static string KeyOf(long member, long version) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}change:{member}:{version}");

    private static string ClaimOf(long member) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}load:{member}");
}
