using System.Collections.Concurrent;
using Npgsql;
using PointSystem.Api.Caching;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Points;

/// <summary>A balance, and where it comes from.</summary>
/// <param name="Value">The balance; null if too many reads were running to read it.</param>
/// <param name="Source">As in <see cref="ReadMetrics"/>: of all that wait for one query, one is answered by the database.</param>
internal sealed record FoundBalance(CachedBalance? Value, string Source);

/// <summary>
/// Finds the current balance of a member in the cache, and reads it for the cache if it is not there: once for all readers that wait for it, on all
/// replicas. While Redis does not answer, once on each replica.
/// </summary>
internal sealed class CachedBalances(
    BalanceCache cache, [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource primary, Standby standby, ReadLimit reads, RulesProvider rules,
    CacheMetrics metrics, TimeProvider clock)
{
    // The part of its time after which a value that is read is renewed.
    private const double RefreshAfter = 0.8;

    // What was true before a slow read may not be true after it, and what replaced it in the cache may have ended there.
    private static readonly TimeSpan SlowRead = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<long, Lazy<Task<FoundBalance>>> _loads = new();

    /// <summary>Finds the balance.</summary>
    /// <param name="member">The member.</param>
    /// <param name="size">The size of the page of lots.</param>
    /// <param name="demanded">The version that the caller demands or knows.</param>
    /// <param name="began">When the read began.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null if the cache cannot help: the page needs more lots, or the version is not there yet.</returns>
    public async Task<FoundBalance?> FindAsync(long member, int size, long demanded, long began, CancellationToken cancellationToken)
    {
        var today = (await rules.CurrentAsync(cancellationToken)).At.Today;
        var want = new Want(member, today, size, demanded, After: null);

        // Of writes that go on all the time, the reader needs those that were here when it came.
        var least = Math.Max(demanded, VersionOf(member));
        CachedBalance? held;
        while (true)
        {
            held = await cache.FindAsync(member, cancellationToken);
            if (held is not null && want.IsMetBy(held))
            {
                return Serve(held, want);
            }

            // Another replica has committed the version, and is about to send it. Or this one has, and is about to know the lots.
            var isBehind = held is not null && held.Version < demanded;
            var next = held is { HasLots: false } ? cache.NextOf(member) : null;
            if ((!isBehind && next is null) || !cache.IsUsable || clock.GetElapsedTime(began) >= MemberVersions.WaitMax)
            {
                break;
            }

            var pause = Task.Delay(MemberVersions.Pause, clock, cancellationToken);
            await (next is null ? pause : Task.WhenAny(next, pause));
            if (next is { IsCompleted: true } && await next is { } completed && (want with { Demanded = least }).IsMetBy(completed))
            {
                return Serve(completed, want);
            }

            cancellationToken.ThrowIfCancellationRequested();
        }

        if (held is { IsComplete: false, HasLots: true } && held.Version >= demanded && held.Date == today && size >= CachedBalance.LotsMax)
        {
            return null;
        }

        // What the cache knows of is not read from a standby that is older.
        want = want with { Demanded = Math.Max(Math.Max(demanded, held?.Version ?? 0), VersionOf(member)) };

        for (var isOwn = false; !isOwn;)
        {
            // One that is running may have begun before the version was written: then the next one has it.
            var found = await Join(want, out isOwn).WaitAsync(cancellationToken);
            // It may also have begun long before this reader came, and what it read may be too old by now.
            if (found.Value is null || (want.IsMetBy(found.Value) && (isOwn || cache.AgeOf(found.Value) < cache.Ttl)))
            {
                return isOwn ? found : found with { Source = ReadMetrics.Cache };
            }
        }

        return null;
    }

    /// <inheritdoc cref="BalanceCache.VersionOf"/>
    public long VersionOf(long member) => cache.VersionOf(member);

    private FoundBalance Serve(CachedBalance held, Want want)
    {
        var age = cache.AgeOf(held);
        metrics.Served(age);
        if (age > cache.Ttl * RefreshAfter)
        {
            // Nobody waits for it. If it fails, the reader after the end of the value finds out.
            _ = Join(want with { After = held.KnownAt }, out _);
        }

        return new FoundBalance(held, ReadMetrics.Cache);
    }

    private Task<FoundBalance> Join(Want want, out bool isOwn)
    {
        // No execution context: it belongs to no request, so it must neither be cancelled with one nor appear in its trace.
        var load = new Lazy<Task<FoundBalance>>(() =>
        {
            using (ExecutionContext.SuppressFlow())
            {
                return Task.Run(() => LoadAsync(want));
            }
        });
        var running = _loads.GetOrAdd(want.Member, load);
        isOwn = running == load;
        return running.Value;
    }

    private async Task<FoundBalance> LoadAsync(Want want)
    {
        try
        {
            return await LoadOnceAsync(want);
        }
        finally
        {
            _loads.TryRemove(want.Member, out _);
        }
    }

    private async Task<FoundBalance> LoadOnceAsync(Want want)
    {
        var isClaimed = await cache.TryClaimAsync(want.Member);
        try
        {
            return await FindAgainAsync(want, isClaimed ? TimeSpan.Zero : MemberVersions.WaitMax) is { } meanwhile
                ? new FoundBalance(meanwhile, ReadMetrics.Cache)
                : await ReadAsync(want);
        }
        finally
        {
            if (isClaimed)
            {
                cache.ReleaseClaim(want.Member);
            }
        }
    }

    /// <summary>Looks whether another reader, on this replica or another one, has read it meanwhile.</summary>
    private async Task<CachedBalance?> FindAgainAsync(Want want, TimeSpan wait)
    {
        for (var began = clock.GetTimestamp(); ;)
        {
            if (await cache.FindAsync(want.Member, CancellationToken.None) is { } value && want.IsMetBy(value))
            {
                return value;
            }

            if (clock.GetElapsedTime(began) >= wait || !cache.IsUsable)
            {
                return null;
            }

            await Task.Delay(MemberVersions.Pause, clock);
        }
    }

    private async Task<FoundBalance> ReadAsync(Want want)
    {
        var read = await ReadDatabaseAsync(want);
        if (read.Value is not { } value || cache.AgeOf(value) >= SlowRead)
        {
            return read;
        }

        // Changes since then can use up lots of a page that is not the last: then the value as it was read serves the readers.
        var added = await cache.AddAsync(value);
        return want.IsMetBy(added) ? read with { Value = added } : read;
    }

    /// <summary>Reads it in a place among all reads, which is free again before Redis is asked.</summary>
    private async Task<FoundBalance> ReadDatabaseAsync(Want want)
    {
        using var entered = await reads.TryEnterAsync(want.Member, CancellationToken.None);
        if (entered is null)
        {
            return new FoundBalance(null, ReadMetrics.Primary);
        }

        return standby.Usable is { } replica && await TryReadStandbyAsync(replica, want.Member) is { } copy && copy.Version >= want.Demanded
            ? new FoundBalance(copy, ReadMetrics.Standby)
            : new FoundBalance(await ReadAsync(primary, want.Member, Timeout.InfiniteTimeSpan), ReadMetrics.Primary);
    }

    private async Task<CachedBalance?> TryReadStandbyAsync(NpgsqlDataSource replica, long member)
    {
        try
        {
            return await ReadAsync(replica, member, Standby.AnswerLimit);
        }
        catch (Exception failure) when (Standby.IsFailure(failure))
        {
            standby.LeaveAfter(failure);
            return null;
        }
    }

    private async Task<CachedBalance> ReadAsync(NpgsqlDataSource database, long member, TimeSpan limit)
    {
        var now = (await rules.CurrentAsync(CancellationToken.None)).At;
        var knownAt = clock.GetUtcNow();
        using var ending = new CancellationTokenSource(limit, clock);
        metrics.Loaded();
        var read = await BalanceQuery.ReadAsync(database, member, now.Today, null, CachedBalance.LotsMax + 1, ending.Token).WaitAsync(limit, clock);
        return new CachedBalance(
            member, read.State.Version, now.Today, read.State.HasUnpostedExpirations, read.Balance, read.ManualBalance, now.Now, knownAt,
            [.. read.Lots.Take(CachedBalance.LotsMax)], read.Lots.Count <= CachedBalance.LotsMax);
    }

    /// <summary>What a reader needs.</summary>
    /// <param name="Member">The member.</param>
    /// <param name="Today">The business date.</param>
    /// <param name="Size">The size of the page of lots.</param>
    /// <param name="Demanded">The lowest version.</param>
    /// <param name="After">The moment of the value to be renewed; null if there is none.</param>
    private readonly record struct Want(long Member, DateOnly Today, int Size, long Demanded, DateTimeOffset? After)
    {
        public bool IsMetBy(CachedBalance value) =>
            value.Version >= Demanded && value.Date == Today && value.Covers(Size) && !(value.KnownAt <= After);
    }
}
