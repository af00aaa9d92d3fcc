using System.Net;
using Npgsql;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Persistence;

/// <summary>Reads of members from a real streaming standby that is late, refuses, hangs, dies and comes back.</summary>
public sealed class StandbyTests : IAsyncLifetime
{
    private readonly PointsDatabase _server = new();
    private readonly string _directory = ClusterFixture.NewDataDirectory();
    private readonly int _port = Ports.Next();
    private ChildProcess? _standby;
    private ApiProcess _api = null!;
    private NpgsqlConnectionStringBuilder _owner = null!;

    public async ValueTask InitializeAsync()
    {
        Needs.OwnPostgres();
        Needs.Signals();
        Assert.SkipUnless(PostgresBinaries.FindInstalled().Any(installed => installed.BaseBackup is not null), "pg_basebackup is not installed.");
        var database = await _server.CreateOwnedAsync(Token);
        _owner = new NpgsqlConnectionStringBuilder(PointsDatabase.AsOwner(database));
        var standby = new NpgsqlConnectionStringBuilder(DatabaseUser.Replica.ConnectionString(_owner.ConnectionString)) { Port = _port }.ConnectionString;
        await StartStandbyAsync();
        _api = await ApiProcess.StartAsync(database, ("ConnectionStrings__points-standby", standby), ("Telemetry__Metrics__Prometheus", "true"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_api is not null)
        {
            await _api.DisposeAsync();
        }

        if (_standby is not null)
        {
            await _standby.DisposeAsync();
        }

        await _server.DisposeAsync();
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Fact]
    public async Task Standby_LateHangingAndKilled_NobodyReadsOlderThanTheyKnowAndReadsGoOn()
    {
        using var client = new PointsClient(_api.Address, Tokens.Admin);
        var member = PointsClient.NewMember();
        var first = (await client.AccumulateAsync(member, 1_000, expirationDays: 20)).Expect(HttpStatusCode.Created);
        await Eventually.HoldsAsync(async () => (await BalanceAsync(client, member)).NumberOf("balance") == 1_000, "the standby has it");
        Assert.True(await AnsweredAsync(client, "standby") > 0, _api.Output);

        // Replay is paused: whoever names no version may get the old state, which says that it is.
        await ExecuteAsync("SELECT pg_wal_replay_pause()");
        var used = (await client.UseAsync(member, "A1", 300)).Expect(HttpStatusCode.Created);
        var old = await BalanceAsync(client, member);
        Assert.Equal((1_000, first.NumberOf("version")), (old.NumberOf("balance"), old.NumberOf("version")));
        Assert.Equal(first.Headers["ETag"], old.Headers["ETag"]);

        // Whoever knows the new version, or its tag, gets the new state, and what is not on the standby is found.
        var version = used.NumberOf("version");
        foreach (var path in (string[])[$"balance/{member}", $"history/{member}", $"statements/{member}", $"balance/{member}/expiring"])
        {
            var read = (await client.GetAsync($"/api/points/{path}", version)).Expect(HttpStatusCode.OK);
            Assert.Contains("700", read.Text, StringComparison.Ordinal);
        }

        // The pages of a list are of one state: the cursor of a page of the primary leads to entries that the standby does not have.
        var page = (await client.GetAsync($"/api/points/statements/{member}?size=1", version)).Expect(HttpStatusCode.OK);
        var rest = (await client.GetAsync($"/api/points/statements/{member}?size=1&cursor={page.TextOf("nextCursor")}")).Expect(HttpStatusCode.OK);
        Assert.Equal(-300, Assert.Single(rest.Json["entries"]!.AsArray())!["amount"]!.GetValue<long>());

        foreach (var path in (string[])[$"balance/{member}", $"history/{member}"])
        {
            Assert.Equal(HttpStatusCode.NotModified, (await client.GetAsync($"/api/points/{path}", ("If-None-Match", used.Headers["ETag"]))).Status);
        }

        (await client.GetAsync($"/api/points/use/{used.TextOf("pointKey")}")).Expect(HttpStatusCode.OK);
        (await client.GetAsync($"/api/points/balance/{member}", 99)).IsProblem(HttpStatusCode.PreconditionFailed, "VERSION_NOT_REACHED");

        // Reads without a member have no version, and are never older than what anybody has been told.
        var late = await AnsweredAsync(client, "standby");
        await AssertListsKnowAsync(client, member, used.TextOf("pointKey"));
        Assert.Equal(late, await AnsweredAsync(client, "standby"));

        await ExecuteAsync("SELECT pg_wal_replay_resume()");
        await Eventually.HoldsAsync(async () => (await BalanceAsync(client, member)).NumberOf("balance") == 701, "the standby catches up");
        var caughtUp = await AnsweredAsync(client, "standby");
        await Eventually.HoldsAsync(
            async () =>
            {
                await AssertListsKnowAsync(client, member, used.TextOf("pointKey"));
                return await AnsweredAsync(client, "standby") >= caughtUp + 3;
            },
            "the lists come from the standby");

        // It hangs, and then dies, under reads that name the version of each write.
        await SignalServersAsync("STOP");
        var known = version;
        for (var i = 0; i < 3; i++)
        {
            known = await WriteAndReadAsync(client, member, known);
        }

        await SignalServersAsync("CONT");
        await SignalServersAsync("KILL");
        await _standby!.WaitForExitAsync(Token);
        await _standby.DisposeAsync();
        known = await WriteAndReadAsync(client, member, known);
        (await BalanceAsync(client, member)).Expect(HttpStatusCode.OK);

        await StartStandbyAsync();
        var before = await AnsweredAsync(client, "standby");
        await Eventually.HoldsAsync(
            async () =>
            {
                known = await WriteAndReadAsync(client, member, known);
                return await AnsweredAsync(client, "standby") > before;
            },
            "reads come back to the standby");
        await Books.AssertBalancedAsync(_owner.ConnectionString, member);
    }

    private static async Task<long> WriteAndReadAsync(PointsClient client, long member, long known)
    {
        var written = (await client.AccumulateAsync(member, 1)).Expect(HttpStatusCode.Created).NumberOf("version");
        Assert.True(written > known);
        var read = (await client.GetAsync($"/api/points/balance/{member}", written)).Expect(HttpStatusCode.OK);
        Assert.Equal(written, read.NumberOf("version"));
        return written;
    }

    /// <summary>The order, the export of the ledger and the audit have what was written last.</summary>
    private static async Task AssertListsKnowAsync(PointsClient client, long member, string usage)
    {
        var order = (await client.GetAsync("/api/points/orders/A1")).Expect(HttpStatusCode.OK);
        Assert.Equal(usage, Assert.Single(order.Json["usages"]!.AsArray())!["pointKey"]!.GetValue<string>());
        var granted = (await client.AccumulateAsync(member, 1, isManualGrant: true)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        Assert.Contains(granted, (await client.GetAsync("/api/admin/audit?size=1")).Expect(HttpStatusCode.OK).Text, StringComparison.Ordinal);
        Assert.Contains(granted, (await client.GetAsync("/api/admin/ledger/export")).Expect(HttpStatusCode.OK).Text, StringComparison.Ordinal);
    }

    private static Task<Answer> BalanceAsync(PointsClient client, long member) => client.GetAsync($"/api/points/balance/{member}");

    private static async Task<long> AnsweredAsync(PointsClient client, string source) =>
        MetricsText.Sum((await client.GetAsync("/metrics")).Text, "pointsystem_reads_total", $"source=\"{source}\"");

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_owner.ConnectionString) { Port = _port, Pooling = false }.ConnectionString);
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    /// <summary>Signals the server and every process of it that is still there: those of the sessions would go on answering.</summary>
    private async Task SignalServersAsync(string signal)
    {
        var server = (await File.ReadAllLinesAsync(Path.Combine(_directory, "postgres", "postmaster.pid"), Token))[0];
        // Listed before and after, because a session may begin or end in between.
        var sessions = $"pgrep -P {server}";
        await using var process = ChildProcess.Start(
            "sh", ["-c", $"all=$({sessions}); kill -{signal} {server} && for one in $all $({sessions}); do kill -{signal} $one || true; done"]);
        await process.WaitForExitAsync(Token);
        Assert.True(process.ExitCode == 0, process.Output);
    }

    private async Task StartStandbyAsync() => _standby = await LocalStandby.StartAsync(_owner.ConnectionString, _directory, _port, Token);
}
