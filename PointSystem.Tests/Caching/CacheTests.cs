using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using PointSystem.Api.Caching;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Domain.Points;
using PointSystem.Tests.Api;
using PointSystem.Tests.Domain;
using PointSystem.Tests.Features;
using StackExchange.Redis;
using static PointSystem.Tests.Caching.CacheFixture;

namespace PointSystem.Tests.Caching;

/// <summary>Balances from a real Redis, of replicas that share it, while it works and while it does not.</summary>
public sealed class CacheTests(CacheFixture cache) : IClassFixture<CacheFixture>
{
    // Each reader polls that often.
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    private static int s_databases;

    private PointsClient One => cache.Cached[0];

    private PointsClient Two => cache.Cached[1];

    [Fact]
    public async Task Balance_AfterAWriteOnAnotherReplica_ComesFromTheCacheLikeFromTheDatabase()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(One, member, 10, days: 20);
        var version = await WriteAsync(One, member, 20, days: 10);
        var before = await CountsAsync(Two);

        var read = (await ReadAsync(Two, member, version)).Expect(HttpStatusCode.OK);

        Assert.Equal((30, version), (read.NumberOf("balance"), read.NumberOf("version")));
        Assert.Equal(before with { Hits = before.Hits + 1 }, await CountsAsync(Two));
        Assert.Equal(HttpStatusCode.NotModified, (await ReadAsync(Two, member, tag: read.Headers["ETag"])).Status);
        Assert.Equal(HttpStatusCode.NotModified, (await ReadAsync(Two, member, tag: "*")).Status);
        var page = (await ReadAsync(Two, member, query: "?size=1")).Expect(HttpStatusCode.OK);
        var rest = await ReadAsync(Two, member, query: $"?size=1&cursor={page.Json["accumulations"]!["nextCursor"]!.GetValue<string>()}");
        Assert.Equal(10, rest.Json["accumulations"]!["items"]!.AsArray().Single()!["availableAmount"]!.GetValue<long>());
        (await ReadAsync(Two, member, version + 1)).IsProblem(HttpStatusCode.PreconditionFailed, "VERSION_NOT_REACHED");
        (await ReadAsync(Two, member, query: "?size=0")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Answers_AfterRandomCommands_AreThoseOfTheDatabase(int seed)
    {
        var random = new Random(seed);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        var usages = new List<string>();
        for (var i = 0; i < 90; i++)
        {
            var writer = cache.Cached[random.Next(2)];
            var written = random.Next(6) switch
            {
                0 => await writer.UseAsync(member, $"A{i}", random.Next(1, 300)),
                1 when usages.Count > 0 => await writer.CancelUsageAsync(usages[random.Next(usages.Count)], random.Next(1, 100)),
                2 => await writer.TransferAsync(member, other, random.Next(1, 50)),
                _ => await writer.AccumulateAsync(member, random.Next(1, 20), random.Next(1, 40), random.Next(4) == 0),
            };
            if (written.Status == HttpStatusCode.Created && written.Json["usageDetails"] is not null)
            {
                usages.Add(written.TextOf("pointKey"));
            }

            // A read of its own writer needs no version. If it wrote nothing, the other one may have been the last to write.
            var query = $"?size={random.Next(1, 101)}";
            var direct = await ReadAsync(cache.Direct, member, query: query);
            var known = (int)written.Status < 300 ? (long?)null : direct.NumberOf("version");
            AssertSame(direct, await ReadAsync(writer, member, known, query));
        }

        foreach (var (id, client) in new[] { (member, One), (member, Two), (other, One), (other, Two) })
        {
            var last = await ReadAsync(cache.Direct, id);
            AssertSame(last, await ReadAsync(client, id, last.NumberOf("version")));
        }
    }

    [Fact]
    public async Task Set_OlderOrDamagedValues_NeverReplaceANewerOneAndAreReplaced()
    {
        await using var redis = await cache.Redis.ConnectAsync();
        await using var one = await StartCacheAsync(redis);
        await using var two = await StartCacheAsync(redis);
        var member = PointsClient.NewMember();
        RedisKey key = $"points:balance:{member}";
        var now = TimeProvider.System.GetUtcNow();
        const long version = (1L << 53) + 1;

        // Doubles could not tell these two apart.
        await one.Cache.AddAsync(CachedBalanceTests.Value(version, now, isComplete: true, member));
        await Eventually.HoldsAsync(() => one.Sums["pointsystem.cache.writes outcome=stored"] == 1, "it is stored");
        await two.Cache.AddAsync(CachedBalanceTests.Value(version - 1, now.AddSeconds(1), isComplete: true, member));
        await Eventually.HoldsAsync(() => two.Sums["pointsystem.cache.writes outcome=older"] == 1, "it is refused");
        Assert.Equal(version, (await two.Cache.FindAsync(member, Token))!.Version);

        // Without a time of its own, what cannot be read would stay for good.
        foreach (var garbage in (string[])["", "x", new string('9', 60), new string('~', 60)])
        {
            await redis.GetDatabase().StringSetAsync(key, garbage);
            Assert.Equal(HttpStatusCode.OK, (await ReadAsync(One, member)).Status);
        }

        await redis.GetDatabase().KeyDeleteAsync(key);
        await redis.GetDatabase().ListRightPushAsync(key, "another kind");
        (await ReadAsync(Two, member)).Expect(HttpStatusCode.OK);
        await Eventually.HoldsAsync(async () => await redis.GetDatabase().KeyTypeAsync(key) == RedisType.String, "the key has a balance again");
        Assert.InRange((await redis.GetDatabase().KeyTimeToLiveAsync(key))!.Value, TimeSpan.Zero, Ttl);
    }

    /// <summary>Three replicas without affinity, each of which may be before or behind the others.</summary>
    [Fact]
    public async Task Committed_OnReplicasInAnyTurn_KeepsTheLots()
    {
        await Gen.Select(Step.Command.Array[1, 100], Gen.Int[0, 2].Array[100]).SampleAsync(CheckAsync, iter: 5, threads: 1);

        async Task CheckAsync(Step[] steps, int[] turns)
        {
            await using var redis = await ConnectToEmptyAsync();
            await using var one = await StartCacheAsync(redis, new PatientClock());
            await using var two = await StartCacheAsync(redis, new PatientClock());
            await using var three = await StartCacheAsync(redis, new PatientClock());
            OwnCache[] replicas = [one, two, three];
            var runner = StepRunner.After(steps[..(steps.Length / 4)]);
            runner.Harness.Checks = false;
            var now = TimeProvider.System.GetUtcNow();
            foreach (var member in Enumerable.Range(1, Step.Members))
            {
                await one.Cache.AddAsync(CachedBalanceTests.Reload(runner, member) with { KnownAt = now });
            }

            await Eventually.HoldsAsync(() => one.Sums["pointsystem.cache.writes outcome=stored"] == Step.Members, "they are stored");

            // Of the database's order, each replica only keeps that of its own commits.
            var changes = Array.ConvertAll(replicas, _ => new List<MemberAccount>());
            foreach (var (step, turn) in steps[(steps.Length / 4)..].Zip(turns))
            {
                var accounts = runner.Load([step], part: true);
                runner.RunAll([step], accounts);
                changes[turn].AddRange(accounts.Values.Select(loaded => loaded.Account).Where(account => !account.Changes.IsEmpty));
            }

            await Task.WhenAll(replicas.Zip(changes, (replica, list) => Task.Run(
                () => list.ForEach(account => replica.Cache.Committed([account], now)), Token)));

            foreach (var (member, replica) in Enumerable.Range(1, Step.Members).SelectMany(member => replicas.Select(replica => (member, replica))))
            {
                var expected = CachedBalanceTests.Reload(runner, member);
                CachedBalance? value = null;
                await Eventually.HoldsAsync(
                    async () => (value = await replica.Cache.FindAsync(member, Token)) is { HasLots: true } && value.Version == expected.Version,
                    () => $"the last version is {expected.Version}, and this replica knows {value}");
                CachedBalanceTests.AssertSame(expected with { KnownAt = value!.KnownAt, AsOf = value.AsOf }, value);
                Assert.True(value.IsComplete);
            }

            await Eventually.HoldsAsync(
                () => replicas.All(replica => Enumerable.Range(1, Step.Members).All(member => replica.Cache.NextOf(member) is null)), "nothing is left to do");
        }
    }

    /// <summary>The value before a change does not arrive: the replica that wrote it has died, or nobody reads the member.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Committed_WithoutTheValueBefore_KeepsOlderOnesOut(bool isOlderThere)
    {
        // A shown change is in Redis for a second. If the machine stands still for so long, what comes late is refused instead of followed.
        for (var attempt = 1; await HasLotsAfterAsync(isOlderThere) != isOlderThere; attempt++)
        {
            Assert.True(isOlderThere && attempt < 10, "what came late was followed to the change");
        }
    }

    private async Task<bool> HasLotsAfterAsync(bool isOlderThere)
    {
        await using var redis = await ConnectToEmptyAsync();
        await using var one = await StartCacheAsync(redis);
        await using var two = await StartCacheAsync(redis);
        var (runner, now) = (StepRunner.After([]), TimeProvider.System.GetUtcNow());
        runner.Harness.Grant(1, 10);
        var older = CachedBalanceTests.Reload(runner, 1) with { KnownAt = now };
        if (isOlderThere)
        {
            await two.Cache.AddAsync(older);
            await Eventually.HoldsAsync(() => two.Sums["pointsystem.cache.writes outcome=stored"] == 1, "it is stored");
        }

        runner.Harness.Grant(1, 10);
        var before = CachedBalanceTests.Reload(runner, 1) with { KnownAt = now };
        var loaded = runner.Tables.Load(1, runner.Harness.At);
        Assert.NotNull(loaded.Account.Accumulate(5, null, false, null, runner.Harness.Context).Value);

        one.Cache.Committed([loaded.Account], now);

        await Eventually.HoldsAsync(() => one.Sums["pointsystem.cache.writes outcome=stored"] == 1, "the value without lots is stored");
        Assert.Null(one.Cache.NextOf(1));
        // What comes late is followed to the change, if that was shown; otherwise it is refused.
        var hasLots = (await two.Cache.AddAsync(before)).Version == loaded.Account.Version;
        await Eventually.HoldsAsync(
            () => two.Sums["pointsystem.cache.writes outcome=stored"] == (isOlderThere ? 1 : 0) + (hasLots ? 1 : 0)
                && two.Sums["pointsystem.cache.writes outcome=older"] == (hasLots ? 0 : 1),
            "it is stored or refused");
        foreach (var replica in new[] { one, two })
        {
            var found = await replica.Cache.FindAsync(1, Token);
            Assert.Equal((loaded.Account.Version, 25, hasLots), (found!.Version, found.Balance, found.HasLots));
        }

        return hasLots;
    }

    [Fact]
    public async Task Load_ThatTakesLong_IsNotStored()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(cache.Direct, member, 7);
        Task<Answer> reading;
        await using (var held = await HeldTransaction.BeginAsync(cache.Database, "LOCK TABLE point_accumulations IN ACCESS EXCLUSIVE MODE"))
        {
            reading = ReadAsync(One, member);
            await held.WaitForWaitersAsync();
            // The server says when the read has taken that long: a pause of this process does not matter.
            await held.ExecuteAsync("SELECT pg_sleep(1.1)");
            await held.RollbackAsync();
        }

        Assert.Equal(7, (await reading).Expect(HttpStatusCode.OK).NumberOf("balance"));
        var loads = (await CountsAsync(One)).Loads;
        Assert.Equal(7, await One.BalanceAsync(member));
        Assert.Equal(loads + 1, (await CountsAsync(One)).Loads);
    }

    [Fact]
    public async Task Load_ThatTakesLongerThanAValueIsServed_ServesNobodyWhoCameLater()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(cache.Direct, member, 7);
        var loads = (await CountsAsync(One)).Loads;
        Task<Answer> reading, later;
        await using (var held = await HeldTransaction.BeginAsync(cache.Database, "LOCK TABLE point_accumulations IN ACCESS EXCLUSIVE MODE"))
        {
            reading = ReadAsync(One, member);
            await held.WaitForWaitersAsync();
            later = ReadAsync(One, member);
            await held.ExecuteAsync("SELECT pg_sleep($1)", Ttl.TotalSeconds + 0.1);
            await held.RollbackAsync();
        }

        Assert.All([await reading, await later], answer => Assert.Equal(7, answer.Expect(HttpStatusCode.OK).NumberOf("balance")));
        Assert.Equal(loads + 2, (await CountsAsync(One)).Loads);
    }

    [Fact]
    public async Task Date_Changes_EndsWhatHoldsForTheDayBefore()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(One, member, 10, days: 1);
        var version = await WriteAsync(One, member, 20, days: 40);
        var before = (await ReadAsync(Two, member, version)).Expect(HttpStatusCode.OK);
        try
        {
            await SetOffsetAsync(2);
            await Eventually.HoldsAsync(async () => await Two.BalanceAsync(member) == 20, "the points expire");
            var after = (await ReadAsync(Two, member, version, tag: before.Headers["ETag"])).Expect(HttpStatusCode.OK);
            Assert.NotEqual(before.Headers["ETag"], after.Headers["ETag"]);
            await Eventually.HoldsAsync(async () => await One.BalanceAsync(member) == 20, "on every replica");
            var hits = (await CountsAsync(One)).Hits;
            AssertSame(await ReadAsync(cache.Direct, member), await ReadAsync(One, member));
            Assert.True((await CountsAsync(One)).Hits > hits);
        }
        finally
        {
            await SetOffsetAsync(0);
        }

        await Eventually.HoldsAsync(async () => await One.BalanceAsync(member) == 30 && await Two.BalanceAsync(member) == 30, "the day before is back");

        Task SetOffsetAsync(int days) => One.PutAsync("/api/admin/points/config/CLOCK_OFFSET_DAYS", new { configValue = days });
    }

    [Fact]
    public async Task Redis_FrozenKilledFlushedAndFull_ReadsAreRightAndComeBackToIt()
    {
        var member = PointsClient.NewMember();
        await CheckAsync();
        await cache.Redis.PauseAsync();
        await CheckAsync();
        await cache.Redis.ResumeAsync();
        await CheckAsync();
        await cache.Redis.KillAsync();
        await CheckAsync();
        await cache.Redis.RestartAsync(Token);
        await cache.WaitForCacheAsync();
        await CheckAsync();

        await using (var redis = await ConnectionMultiplexer.ConnectAsync(cache.Redis.ConnectionString + ",allowAdmin=true"))
        {
            await redis.GetServers()[0].FlushAllDatabasesAsync();
            await CheckAsync();
            if (cache.Redis.IsRedis)
            {
                // Scripts are lost too.
                await redis.GetServers()[0].ScriptFlushAsync();
                await CheckAsync();
                var failed = (await CountsAsync(One)).Failed;
                await WriteAsync(One, member, 1);
                await redis.GetServers()[0].ConfigSetAsync("maxmemory", "1");
                await CheckAsync();
                await Eventually.HoldsAsync(async () => (await CountsAsync(One)).Failed > failed, "the full server refuses");
                Assert.False(await redis.GetDatabase().KeyExistsAsync($"points:balance:{member}"));
                await redis.GetServers()[0].ConfigSetAsync("maxmemory", "64mb");
            }
        }

        await cache.WaitForCacheAsync();
        await Books.AssertBalancedAsync(cache.Database, member);

        // A reader on the writing replica needs no version, one on the other replica has it.
        async Task CheckAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                var version = await WriteAsync(One, member, 1);
                Assert.Equal(version, (await ReadAsync(One, member)).Expect(HttpStatusCode.OK).NumberOf("version"));
                var other = (await ReadAsync(Two, member, version)).Expect(HttpStatusCode.OK);
                Assert.Equal((version, version), (other.NumberOf("version"), other.NumberOf("balance")));
            }
        }
    }

    [Fact]
    public async Task Redis_LateOnce_IsUsedAgainAtOnceAndFrozenIsLeftAloneForASecond()
    {
        await using var redis = await ConnectToEmptyAsync();
        var clock = new FakeTimeProvider();
        await using var one = await StartCacheAsync(redis, clock);

        // It answers the second question in time.
        await AskFrozenAsync();
        await cache.Redis.ResumeAsync();
        await Eventually.HoldsAsync(() => one.Cache.IsUsable, "no time has passed, and Redis is used again");

        await AskFrozenAsync();
        clock.Advance(MemberVersions.WaitMax);
        await cache.Redis.ResumeAsync();
        await redis.GetDatabase().PingAsync();
        Assert.False(one.Cache.IsUsable);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(one.Cache.IsUsable);
        await cache.WaitForCacheAsync();

        async Task AskFrozenAsync()
        {
            await cache.Redis.PauseAsync();
            var asking = one.Cache.FindAsync(1, Token);
            clock.Advance(MemberVersions.WaitMax);
            Assert.Null(await asking);
            Assert.False(one.Cache.IsUsable);
        }
    }

    [Fact]
    public async Task ColdMember_ReadByMany_IsLoadedOnce()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(cache.Direct, member, 7);
        var before = await CountsAsync(One);

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => ReadAsync(One, member)));

        Assert.All(answers, answer => Assert.Equal(7, answer.Expect(HttpStatusCode.OK).NumberOf("balance")));
        Assert.Equal(before with { Loads = before.Loads + 1, Primary = before.Primary + 1, Hits = before.Hits + 199 }, await CountsAsync(One));
    }

    [Fact]
    public async Task Balance_ReadAgainAndAgain_IsRenewedBeforeItEnds()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(cache.Direct, member, 7);
        var before = await CountsAsync(One);

        // A load that no reader waited for: otherwise the database has answered as many reads as there were loads.
        await Eventually.HoldsAsync(
            async () =>
            {
                Assert.Equal(7, await One.BalanceAsync(member));
                var after = await CountsAsync(One);
                return after.Loads - before.Loads > after.Primary - before.Primary;
            },
            "the balance is renewed ahead of its end");
    }

    [Fact]
    public async Task ColdMembers_ReadByManyOnTwoReplicas_AreLoadedOnceByBoth()
    {
        // A replica waits 50 ms for the load of the other one. Whether that is enough is up to the machine, so that there may be several rounds.
        const int Members = 20;
        await Eventually.HoldsAsync(
            async () =>
            {
                var before = await Task.WhenAll(cache.Cached.Select(CountsAsync));
                for (var i = 0; i < Members; i++)
                {
                    var member = PointsClient.NewMember();
                    await WriteAsync(cache.Direct, member, 7);
                    var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(reader => ReadAsync(cache.Cached[reader % 2], member)));
                    Assert.All(answers, answer => Assert.Equal(7, answer.Expect(HttpStatusCode.OK).NumberOf("balance")));
                }

                var after = await Task.WhenAll(cache.Cached.Select(CountsAsync));
                return after.Sum(counts => counts.Loads) - before.Sum(counts => counts.Loads) <= Members * 6 / 5;
            },
            "hardly any member is loaded by both replicas");
    }

    [Fact]
    public async Task HotMember_ThousandReadersAndTwentyWriters_CostsAQueryPerTimeAndReplica()
    {
        var member = PointsClient.NewMember();
        await WriteAsync(One, member, 1_000);
        using var ended = new CancellationTokenSource();
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 64 });
        http.DefaultRequestHeaders.Authorization = new("Bearer", Tokens.Admin);
        var reads = 0;
        var readers = Enumerable.Range(0, 1_000).Select(async reader =>
        {
            var url = new Uri(cache.Replicas[reader % 2].Address, $"/api/points/balance/{member}");
            var known = 0L;
            while (!ended.IsCancellationRequested)
            {
                using var answer = JsonDocument.Parse(await http.GetStringAsync(url, Token));
                var version = answer.RootElement.GetProperty("version").GetInt64();
                Assert.True(version >= known, "Readers of one replica never go back.");
                known = version;
                Interlocked.Increment(ref reads);
                await Task.Delay(Poll, Token);
            }
        }).ToList();
        await Eventually.HoldsAsync(() => Volatile.Read(ref reads) >= readers.Count, "all have read");
        await cache.WaitForCacheAsync();

        // A machine that is so busy that Redis does not answer within 50 ms has the database answer, so there may be several rounds.
        var counted = "";
        await Eventually.HoldsAsync(
            async () =>
            {
                Assert.All(readers, reader => Assert.False(reader.IsFaulted, reader.Exception?.ToString()));
                var calls = await CallsAsync();
                var before = await Task.WhenAll(cache.Cached.Select(CountsAsync));
                var began = Stopwatch.GetTimestamp();

                // The gateway would send all writes of a member to one replica. Without it they come to both in turn. Few of the writers read: those who do
                // bring the other replica's lots to where they read.
                var late = new int[2];
                await WriteManyAsync(member, cache.Cached, writes: 40, async version =>
                {
                    if (version % 7 != 0)
                    {
                        return null;
                    }

                    var (replica, asked) = ((int)(version % 2), Stopwatch.GetTimestamp());
                    var answer = await ReadAsync(cache.Cached[replica], member, version);
                    Interlocked.Add(ref late[replica], Stopwatch.GetElapsedTime(asked) >= MemberVersions.WaitMax ? 1 : 0);
                    return answer;
                });

                var times = 1 + (long)Math.Ceiling(Stopwatch.GetElapsedTime(began) / Ttl);
                var after = await Task.WhenAll(cache.Cached.Select(CountsAsync));
                var called = await CallsAsync() - calls;
                counted = $"at most {times} for each, and {string.Join(" and ", late)} late: from {before[0]} and {before[1]} to {after[0]} and {after[1]}, {called} calls";

                return Enumerable.Range(0, 2).All(replica => after[replica].Loads - before[replica].Loads <= times + late[replica])
                    && (called is null || called <= (2 * times) + late.Sum());
            },
            () => counted);
        await ended.CancelAsync();
        await Task.WhenAll(readers);

        AssertSame(await ReadAsync(cache.Direct, member), await ReadAsync(One, member));
        await Books.AssertBalancedAsync(cache.Database, member);

        // The server does count them.
        var cold = PointsClient.NewMember();
        await WriteAsync(cache.Direct, cold, 1);
        var earlier = await CallsAsync();
        Assert.Equal(1, await One.BalanceAsync(cold));
        Assert.True(earlier is null || await CallsAsync() > earlier, "A query is not counted.");

        // The server replaces the constants of a statement; this part has none.
        Task<long?> CallsAsync() =>
            PointsDatabase.CallsAsync(cache.Database, BalanceQuery.Text[..BalanceQuery.Text.IndexOf("totals", StringComparison.Ordinal)]);
    }

    [Fact]
    public async Task Versions_OfManyWriters_AreReachedThroughTheOtherReplicaWhateverRedisLoses()
    {
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        await WriteAsync(One, member, 1_000);
        await WriteAsync(Two, other, 1_000);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(cache.Redis.ConnectionString + ",allowAdmin=true");
        using var ended = new CancellationTokenSource();
        var losing = Task.Run(
            async () =>
            {
                while (!ended.IsCancellationRequested)
                {
                    await redis.GetServers()[0].FlushAllDatabasesAsync();
                    await Task.Delay(Poll / 10, Token);
                }
            },
            Token);

        await Task.WhenAll(
            WriteManyAsync(member, [One], writes: 10, async version => await ReadAsync(Two, member, version)),
            WriteManyAsync(
                other, [Two], writes: 10, async version => await ReadAsync(One, other, tag: $"W/\"{version - 1}\", W/\"{version}-20000101\"")));

        await ended.CancelAsync();
        await losing;
        AssertSame(await ReadAsync(cache.Direct, member), await ReadAsync(One, member));
        await Books.AssertBalancedAsync(cache.Database, member, other);
    }

    /// <summary>Twenty writers, each of which reads after each write, or after some, and gets at least its own version.</summary>
    private static Task WriteManyAsync(long member, IReadOnlyList<PointsClient> clients, int writes, Func<long, Task<Answer?>> read) =>
        Task.WhenAll(Enumerable.Range(0, 20).Select(async writer =>
        {
            var client = clients[writer % clients.Count];
            for (var i = 0; i < writes; i++)
            {
                var written = i % 2 == 0 ? await client.AccumulateAsync(member, 5, 30) : await client.UseAsync(member, $"A{PointsClient.NewMember()}", 2);
                var version = written.Expect(HttpStatusCode.Created).NumberOf("version");
                if (await read(version) is { } answer)
                {
                    Assert.InRange(answer.Expect(HttpStatusCode.OK).NumberOf("version"), version, long.MaxValue);
                }
            }
        }));

    private static void AssertSame(Answer expected, Answer answer)
    {
        Assert.Equal(expected.Expect(HttpStatusCode.OK).Headers["ETag"], answer.Expect(HttpStatusCode.OK).Headers["ETag"]);
        Assert.Equal(WithoutMoment(expected), WithoutMoment(answer));

        static string WithoutMoment(Answer answer)
        {
            var json = answer.Json;
            json["asOf"] = null;
            return json.ToJsonString();
        }
    }

    /// <summary>One of Redis's databases without keys: these members have the numbers 1, 2, 3 each time.</summary>
    private async Task<ConnectionMultiplexer> ConnectToEmptyAsync()
    {
        s_databases = (s_databases % 15) + 1;
        var redis = await ConnectionMultiplexer.ConnectAsync($"{cache.Redis.ConnectionString},allowAdmin=true,defaultDatabase={s_databases}");
        await redis.GetServers()[0].FlushDatabaseAsync(s_databases);
        return redis;
    }

    private static async Task<OwnCache> StartCacheAsync(IConnectionMultiplexer redis, TimeProvider? time = null)
    {
        var services = new ServiceCollection().AddMetrics().AddKeyedSingleton(BalanceCache.ConnectionName, redis).BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        var sums = new MeterSums(meters, "PointSystem.Api");
        var balances = new BalanceCache(
            services, Options.Create(new CacheOptions { Ttl = TimeSpan.FromMinutes(1) }), time ?? TimeProvider.System, new CacheMetrics(meters),
            NullLogger<BalanceCache>.Instance);
        await balances.StartAsync(Token);
        await Eventually.HoldsAsync(() => balances.IsUsable, "it is connected");
        return new OwnCache(balances, sums);
    }

    /// <summary>The cache of one replica, in this process.</summary>
    private sealed record OwnCache(BalanceCache Cache, MeterSums Sums) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Cache.StopAsync(CancellationToken.None);
            Cache.Dispose();
            Sums.Dispose();
        }
    }

    /// <summary>A clock on which the limits of the cache are a hundred times as long: that this machine is slow is not what is tested.</summary>
    private sealed class PatientClock : TimeProvider
    {
        private const int Factor = 100;
        private static readonly TimeSpan Limits = TimeSpan.FromMilliseconds(50);

        public override long GetTimestamp() => base.GetTimestamp() / Factor;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime < Limits ? dueTime : dueTime * Factor, period);
    }
}
