using System.Net;
using System.Net.Sockets;
using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>A replica is ready when its hot path has been exercised, and nothing of that is left anywhere.</summary>
public sealed class WarmUpTests(PointsDatabase server)
{
    private const string Log = "Warmed up in";

    // Each connection is warmed up.
    private const int PoolSize = 8;
    private static readonly (string, string?) Enabled = (ChildSettings.WarmUpLimit, "00:01:00");

    [Fact]
    public async Task WarmUp_ClusterReady_LeavesNoRowNoLockAndNoRequestBehind()
    {
        var log = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var cluster = await ClusterFixture.StartOwnAsync(
            options =>
            {
                options.Replicas = 1;
                options.PoolSize = PoolSize;
                options.ApiEnvironment[ChildSettings.WarmUpLimit] = "00:01:00";
                // Its requests have to get through without a token.
                options.ApiEnvironment["Auth__AllowAnonymous"] = "false";
                options.Log = line => log.Enqueue(line.Text);
            },
            Token);
        try
        {
            Assert.Contains(log, line => line.Contains(Log, StringComparison.Ordinal));
            await HasNoRowAsync(cluster.ConnectionString);

            // Locks are released in the background. Jobs hold theirs as usual.
            await Eventually.HoldsAsync(
                async () => (await RedisProbe.LocksAsync(cluster.RedisAddress)).All(key => key.Contains("||point:job:", StringComparison.Ordinal)),
                "no lock of a command is held");
            using var client = new PointsClient(cluster.Replicas[0].Url, cluster.AdminToken);
            Assert.False(await HasCountedUsesAsync(client));
            (await client.AccumulateAsync(7, 10)).Expect(HttpStatusCode.Created);
            (await client.UseAsync(7, "A1", 10)).Expect(HttpStatusCode.Created);
            // The answer of /metrics may be that of a moment ago.
            await Eventually.HoldsAsync(() => HasCountedUsesAsync(client), "the request of a caller is counted");
        }
        finally
        {
            await ClusterFixture.DeleteAsync(cluster);
        }
    }

    [Fact]
    public async Task Ready_WarmUpHasNotEnded_IsUnhealthyUntilItHas()
    {
        var connectionString = WithPool(await server.CreateOwnedAsync(Token));
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var holder = await database.OpenConnectionAsync(Token);
        await using var held = await holder.BeginTransactionAsync(Token);
        await using (var hold = new NpgsqlCommand("LOCK TABLE member_wallets IN ACCESS EXCLUSIVE MODE", holder, held))
        {
            await hold.ExecuteNonQueryAsync(Token);
        }

        await using var api = await ApiProcess.StartAsync(connectionString, Enabled);
        using var client = new PointsClient(api.Address);
        Answer? ready = null;
        await Eventually.HoldsAsync(
            async () => StatusOf(ready = await client.GetAsync("/health/ready"), "database") == "Healthy", () => api.Output);
        Assert.Equal("Unhealthy", StatusOf(ready!.Expect(HttpStatusCode.ServiceUnavailable), "warm-up"));
        (await client.GetAsync("/health/live")).Expect(HttpStatusCode.OK);

        await held.RollbackAsync(Token);
        await UntilReadyAsync(client, api);
    }

    [Fact]
    public async Task Ready_SchemaMigratedLater_FollowsTheWarmUp()
    {
        var database = WithPool(await ApiProcess.NewDatabaseAsync(await server.GetAsync(Token)));
        await using var api = await ApiProcess.StartAsync(database, Enabled);
        using var client = new PointsClient(api.Address);
        Assert.Equal("Unhealthy", StatusOf((await client.GetAsync("/health/ready")).Expect(HttpStatusCode.ServiceUnavailable), "database"));

        await ApiProcess.MigrateAsync(database, Token);
        await UntilReadyAsync(client, api);
        // This one is open to all (Development), as the one of the cluster is not.
        await HasNoRowAsync(database);
        Assert.False(await HasCountedUsesAsync(client));

        await Eventually.SaysAsync(() => api.Output, Log);
    }

    [Fact]
    public async Task Ready_SidecarAcceptsAndNeverAnswers_IsReadyInFallback()
    {
        using var frozen = new TcpListener(IPAddress.Loopback, 0);
        frozen.Start();
        var database = WithPool(await server.CreateOwnedAsync(Token));
        await using var api = await ApiProcess.StartAsync(database, Enabled, ("DAPR_GRPC_ENDPOINT", $"http://{frozen.LocalEndpoint}"));
        using var client = new PointsClient(api.Address);

        var ready = await UntilReadyAsync(client, api);

        Assert.Equal("Degraded", StatusOf(ready, "locks"));
        await Eventually.SaysAsync(() => api.Output, Log);
    }

    private static string WithPool(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = PoolSize }.ConnectionString;

    private static async Task HasNoRowAsync(string connectionString)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        foreach (var table in new[]
        {
            "member_wallets", "point_accumulations", "point_usages", "point_usage_details", "usage_cancellations", "point_transfers",
            "point_ledger_entries", "idempotency_answers",
        })
        {
            await using var count = database.CreateCommand($"SELECT count(*) FROM {table}");
            Assert.Equal(0L, await count.ExecuteScalarAsync(Token));
        }
    }

    private static async Task<bool> HasCountedUsesAsync(PointsClient client) =>
        (await client.GetAsync("/metrics")).Text.Split('\n').Any(line =>
            line.StartsWith("http_server_request_duration_seconds_count", StringComparison.Ordinal)
            && line.Contains("http_route=\"/api/points/use\"", StringComparison.Ordinal));

    private static async Task<Answer> UntilReadyAsync(PointsClient client, ApiProcess api)
    {
        Answer? ready = null;
        await Eventually.HoldsAsync(
            async () => (ready = await client.GetAsync("/health/ready")).Status == HttpStatusCode.OK, () => api.Output);
        return ready!;
    }

    private static string StatusOf(Answer ready, string check) => ready.Json["checks"]![check]!["status"]!.GetValue<string>();
}
