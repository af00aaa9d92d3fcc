using System.Collections.Concurrent;
using System.Net;
using Npgsql;
using PointSystem.Local.Postgres;
using StackExchange.Redis;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Reads from cache, standby and primary at the same time, on two replicas, while Redis is flushed and killed, and the standby is late and dies. Every
/// balance that is read is the balance of the ledger at the version that stands beside it, and nobody who names the version of a write reads an older one.
/// </summary>
public sealed class MixedReadTests : IAsyncLifetime
{
    private const int Members = 4;
    private const int Writers = 6;
    private const int Readers = 4;
    private const int Turns = 3;
    private const long Points = 100_000;
    private static readonly TimeSpan Disturbed = TimeSpan.FromMilliseconds(400);

    private readonly ConcurrentDictionary<(long Member, long Version), long> _seen = new();
    private readonly string _directory = ClusterFixture.NewDataDirectory();
    private readonly int _port = Ports.Next();
    private LocalCluster _cluster = null!;
    private ChildProcess? _standby;
    private int _reads;

    public async ValueTask InitializeAsync()
    {
        Needs.OwnPostgres();
        Needs.Signals();
        Assert.SkipUnless(PostgresBinaries.FindInstalled().Any(installed => installed.BaseBackup is not null), "pg_basebackup is not installed.");
        _cluster = await ClusterFixture.StartOwnAsync(
            options => (options.Replicas, options.BalanceCache, options.StandbyPort) = (2, true, _port), Token);
        await StartStandbyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_standby is not null)
        {
            await _standby.DisposeAsync();
            Directory.Delete(_directory, recursive: true);
        }

        if (_cluster is not null)
        {
            await ClusterFixture.DeleteAsync(_cluster);
        }
    }

    [Fact]
    public async Task Reads_OfEveryKind_WhileEverythingFails_AreTheLedgerAtTheirVersion()
    {
        using var retrying = new RetryingClient(_cluster);
        var clients = _cluster.Replicas.Select(replica => new PointsClient(replica.Url)).ToList();
        var members = new long[Members];
        for (var i = 0; i < Members; i++)
        {
            members[i] = await clients[0].CreateMemberAsync(Points);
        }

        var atFirst = await AnsweredAsync(clients, "primary");
        var isDone = false;
        var load = Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; !Volatile.Read(ref isDone); i++)
            {
                var member = members[(writer + i) % Members];
                var order = $"W{writer}-{i}";
                var used = (await retrying.SendAsync(writer + i, (replica, key) => replica.UseAsync(member, order, 1, key))).Expect(HttpStatusCode.Created);
                Add(member, used.NumberOf("version"), used.NumberOf("balanceAfter"));

                // On the other replica, which has not written it.
                await ReadAsync(clients[(writer + i + 1) % clients.Count], member, used.NumberOf("version"));
            }
        })).Concat(Enumerable.Range(0, Readers).Select(reader => Task.Run(async () =>
        {
            for (var i = 0; !Volatile.Read(ref isDone); i++)
            {
                await ReadAsync(clients[i % clients.Count], members[(reader + i) % Members], null);
            }
        }))).ToList();

        for (var turn = 0; turn < Turns && !load.Exists(task => task.IsFaulted); turn++)
        {
            await FlushAsync();
            await Task.Delay(Disturbed, Token);
            await OnStandbyAsync("SELECT pg_wal_replay_pause()");
            await Task.Delay(Disturbed, Token);
            await FlushAsync();
            await OnStandbyAsync("SELECT pg_wal_replay_resume()");
            await Task.Delay(Disturbed, Token);
            await _cluster.Redis.KillAsync(Token);
            await Task.Delay(Disturbed, Token);
            await _cluster.Redis.WaitUntilReadyAsync(TimeSpan.FromSeconds(30), Token);
            if (turn == 0)
            {
                await _standby!.KillAsync();
                await _standby.DisposeAsync();
                await Task.Delay(Disturbed, Token);
                await StartStandbyAsync();
            }
        }

        // The primary has answered what the others could not. Once everything is well again they answer, and then it may have nothing to do.
        foreach (var source in new[] { "primary", "cache", "standby" })
        {
            var before = source == "primary" ? atFirst : await AnsweredAsync(clients, source);
            await Eventually.HoldsAsync(
                async () => load.Exists(task => task.IsFaulted) || await AnsweredAsync(clients, source) > before, $"reads are answered by the {source}");
        }

        Volatile.Write(ref isDone, true);
        await Task.WhenAll(load);
        clients.ForEach(client => client.Dispose());

        var ledger = (await Books.RowsAsync(
            _cluster.ConnectionString,
            "SELECT member_id, sequence, balance_after FROM point_ledger_entries WHERE member_id = ANY ($1)",
            row => ((row.GetInt64(0), row.GetInt64(1)), row.GetInt64(2)),
            (object)members)).ToDictionary(row => row.Item1, row => row.Item2);
        Assert.All(_seen, seen => Assert.Equal(ledger[seen.Key], seen.Value));
        Assert.True(_reads > 100 && _seen.Count > 100, $"Only {_reads} reads of {_seen.Count} states.");
        await Books.AssertBalancedAsync(_cluster.ConnectionString, members);
    }

    private async Task ReadAsync(PointsClient client, long member, long? version)
    {
        var answer = (await client.GetAsync($"/api/points/balance/{member}", version)).Expect(HttpStatusCode.OK);
        Assert.True(answer.NumberOf("version") >= (version ?? 0), $"{answer.Text} is older than {version}.");
        Add(member, answer.NumberOf("version"), answer.NumberOf("balance"));
        Interlocked.Increment(ref _reads);
    }

    private void Add(long member, long version, long balance) => Assert.Equal(balance, _seen.GetOrAdd((member, version), balance));

    private async Task FlushAsync()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync($"{_cluster.RedisAddress},allowAdmin=true");
        await redis.GetServers()[0].FlushAllDatabasesAsync();
    }

    private async Task OnStandbyAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(_cluster.ConnectionString) { Port = _port, Pooling = false }.ConnectionString);
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Token);
    }

    private async Task StartStandbyAsync() => _standby = await LocalStandby.StartAsync(_cluster.ConnectionString, _directory, _port, Token);

    private static async Task<long> AnsweredAsync(IEnumerable<PointsClient> clients, string source) =>
        (await Task.WhenAll(clients.Select(client => client.GetAsync("/metrics"))))
            .Sum(metrics => MetricsText.Sum(metrics.Text, "pointsystem_reads_total", $"source=\"{source}\""));
}
