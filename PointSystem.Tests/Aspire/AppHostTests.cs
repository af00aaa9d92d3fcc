using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using PointSystem.Local;

namespace PointSystem.Tests.Aspire;

/// <summary>The app host that <c>dotnet run</c> starts, used as a user does.</summary>
public sealed class AppHostTests(AppHostFixture fixture) : IClassFixture<AppHostFixture>
{
    private const string Healthy = nameof(HealthStatus.Healthy);

    private DistributedApplication App => fixture.App;

    [Fact]
    public void Tour_EveryStep_AnswersAsTheReadmeSays()
    {
        Assert.True(fixture.Tour.Count >= 12, "The README has no tour.");
        Assert.All(fixture.Tour, step => Assert.True(step.IsAsExpected(), $"{step.Command}\nREADME: {step.Expected}\nanswer: {step.Answer}"));
    }

    [Fact]
    public async Task Replicas_AreAUserWhoCannotChangeTheLedger()
    {
        await using var database = NpgsqlDataSource.Create((await App.GetConnectionStringAsync("points", Token))!);

        Assert.Equal("points_replica", await database.CreateCommand("SELECT session_user::text").ExecuteScalarAsync(Token));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync("UPDATE point_ledger_entries SET delta = 1"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task Use_TwentyAtOnceForTwiceTheBalance_TenAreAccepted()
    {
        using var client = new PointsClient(fixture.Gateway, fixture.AdminToken);
        var member = await client.CreateMemberAsync(10_000);

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(order => client.UseAsync(member, $"S{order}", 1_000)));

        Assert.Equal(10, answers.Count(answer => answer.Status == HttpStatusCode.Created));
        Assert.All(answers.Where(answer => answer.Status != HttpStatusCode.Created), answer => Assert.Equal("INSUFFICIENT_POINT", answer.Code));
        Assert.Equal(0, await client.BalanceAsync(member));
        Assert.Equal("MATCHED", (await client.PostAsync($"/api/admin/points/reconciliation/members/{member}", new { })).TextOf("status"));
    }

    [Fact]
    public async Task Write_ThroughTheGateway_IsOneTraceInTheDashboard()
    {
        using var client = new PointsClient(fixture.Gateway);
        var traceId = ActivityTraceId.CreateRandom().ToHexString();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/points/accumulate")
        {
            Content = JsonContent.Create(new { memberId = PointsClient.NewMember(), amount = 10 }),
            Headers = { { "traceparent", $"00-{traceId}-{ActivitySpanId.CreateRandom().ToHexString()}-01" } },
        };
        (await client.SendAsync(request)).Expect(HttpStatusCode.Created);
        using var dashboard = new HttpClient { BaseAddress = fixture.Dashboard };

        string[] expected = ["gateway/POST", "api/POST /api/points/accumulate", "api/BEGIN points", "api/COMMIT points", "sidecar/SET", "sidecar/EVAL"];
        IReadOnlyList<string> seen = [];
        await Eventually.HoldsAsync(
            async () =>
            {
                seen = await SpansAsync(dashboard, traceId);
                return expected.All(span => seen.Any(name => name.StartsWith(span, StringComparison.Ordinal)));
            },
            () => $"The trace has: {string.Join(", ", seen)}");
    }

    [Fact]
    public async Task Secrets_OfTheRun_AreOnNoCommandLineAndInNoLog()
    {
        var file = Path.Combine(fixture.Data, "admin-token");
        // It is written together with the ready block.
        await Eventually.HoldsAsync(() => File.Exists(file), "There is a token.");
        var (secrets, token) = (Secrets.Load(fixture.Data), (await File.ReadAllTextAsync(file, Token)).Trim());
        using var client = new PointsClient(fixture.Gateway, token);
        (await client.GetAsync("/api/admin/points/config")).Expect(HttpStatusCode.OK);

        var commands = ProcessTable.CommandLines();
        var logs = await Task.WhenAll(Directory.GetFiles(Path.Combine(fixture.Data, "logs")).Select(path => File.ReadAllTextAsync(path, Token)));

        Assert.True(OperatingSystem.IsWindows() || commands.Any(command => command.Contains("PointSystem.Api", StringComparison.Ordinal)));
        Assert.Contains(logs, log => log.Contains("Now listening", StringComparison.Ordinal));
        foreach (var secret in new[] { secrets.PostgresPassword, secrets.SigningKey, token })
        {
            Assert.DoesNotContain(commands, command => command.Contains(secret, StringComparison.Ordinal));
            Assert.DoesNotContain(logs, log => log.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Replica_Killed_IsRestartedAndNoRequestFails()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Windows has no signals.");
        using var client = new PointsClient(fixture.Gateway);
        var before = ProcessesOf("api-2");
        Assert.NotEmpty(before);
        var started = StartOf("api-2");

        // Both the program and its parent `dotnet run`, whose process id the dashboard shows.
        before.ForEach(process => process.Kill());

        for (var i = 0; i < 20; i++)
        {
            (await client.AccumulateAsync(PointsClient.NewMember(), 1, idempotencyKey: $"killed-{Guid.NewGuid():n}")).Expect(HttpStatusCode.Created);
        }
        await RestartedAsync("api-2", started);
        Assert.True(App.ResourceNotifications.TryGetCurrentState("api-2", out var state));
        Assert.Contains(state.Snapshot.Properties, property => property.Name == "pointsystem.restarts");
    }

    [Fact]
    public async Task Replica_ItsDotnetRunKilled_LeavesNoProcessOnThePort()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Windows has no signals.");
        var before = ProcessesOf("api-1");

        var started = StartOf("api-1");

        before.MinBy(process => process.ProcessId).Kill();

        await Eventually.HoldsAsync(() => !before.Any(process => process.IsAlive()), "Both processes have ended.");
        await RestartedAsync("api-1", started);
        using var replica = new PointsClient(App.GetEndpoint("api-1", "http"));
        (await replica.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Database_Stopped_IsUnhealthyUntilItIsStarted()
    {
        Assert.True((await App.ResourceCommands.ExecuteCommandAsync("postgres", KnownResourceCommands.StopCommand, Token)).Success);
        await HealthAsync("points", nameof(HealthStatus.Unhealthy));
        await HealthAsync("api-1", nameof(HealthStatus.Unhealthy));
        using var client = new PointsClient(fixture.Gateway);
        var refused = (await client.AccumulateAsync(PointsClient.NewMember(), 1)).Expect(HttpStatusCode.ServiceUnavailable);
        Assert.NotEmpty(refused.Headers["Retry-After"]);

        Assert.True((await App.ResourceCommands.ExecuteCommandAsync("postgres", KnownResourceCommands.StartCommand, Token)).Success);

        await HealthAsync("points", Healthy);
        await HealthAsync("api-1", Healthy);
        await Eventually.HoldsAsync(
            async () => (await client.GetAsync("/health/ready")).Text.Contains("api-1 is ready. api-2 is ready.", StringComparison.Ordinal),
            "The gateway sends requests to both.");
        var member = await client.CreateMemberAsync(1);
        // Each pooled connection to the stopped server answers one read with 503.
        await Eventually.HoldsAsync(
            async () => (await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => client.GetAsync($"/api/points/balance/{member}"))))
                .All(answer => answer.Status == HttpStatusCode.OK),
            "Reads use connections to the new server.");
    }

    [Fact]
    public async Task Commands_OfTheGateway_SetTheLockModeAndRestartTheReplicas()
    {
        using var client = new PointsClient(fixture.Gateway, fixture.AdminToken);

        await SetAsync("lock-mode", "row");
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/admin/locks")).TextOf("mode") == "row", "The mode is row.");
        await SetAsync("lock-canary", "50");
        await SetAsync("lock-canary", "100");
        await SetAsync("lock-mode", "distributed");
        var refused = await App.ResourceCommands.ExecuteCommandAsync("gateway", "lock-canary", Value("101"), Token);
        Assert.False(refused.Success);

        var restarted = await App.ResourceCommands.ExecuteCommandAsync("gateway", "restart-replicas", Token);

        Assert.True(restarted.Success, restarted.Message);
        await HealthAsync("gateway", Healthy);

        async Task SetAsync(string command, string value)
        {
            var result = await App.ResourceCommands.ExecuteCommandAsync("gateway", command, Value(value), Token);
            Assert.True(result.Success, result.Message);
        }

        static InteractionInputCollection Value(string value) => new([new InteractionInput { Name = "value", InputType = InputType.Text, Value = value }]);
    }

    [Fact]
    public void Resources_InTheDashboard_HaveLinksAndCommandsAndTheFinishedMigrationIsHidden()
    {
        Assert.True(App.ResourceNotifications.TryGetCurrentState("gateway", out var gateway));
        Assert.Equal(["API page", "Health"], gateway.Snapshot.Urls.Where(url => !url.IsInactive).Select(url => url.DisplayProperties.DisplayName).Order());
        Assert.Equal(
            ["lock-canary", "lock-mode", "restart-replicas"],
            gateway.Snapshot.Commands.Select(command => command.Name)
                .Where(name => name.StartsWith("lock-", StringComparison.Ordinal) || name.StartsWith("restart-", StringComparison.Ordinal))
                .Order());
        Assert.True(App.ResourceNotifications.TryGetCurrentState("migrations", out var migrations));
        Assert.True(migrations.Snapshot.IsHidden);
    }

    private static async Task<IReadOnlyList<string>> SpansAsync(HttpClient dashboard, string traceId)
    {
        using var answer = await dashboard.GetAsync(new Uri($"/api/telemetry/traces/{traceId}", UriKind.Relative), Token);
        if (!answer.IsSuccessStatusCode)
        {
            return [$"{answer.StatusCode}"];
        }
        var data = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token))!["data"]!["resourceSpans"]!.AsArray();
        return [.. from resource in data
                   let attributes = resource!["resource"]!["attributes"]!.AsArray()
                   let name = attributes.First(attribute => (string?)attribute!["key"] == "service.name")!
                   let service = name["value"]!["stringValue"]!.GetValue<string>()
                   from scope in resource["scopeSpans"]!.AsArray()
                   from span in scope!["spans"]!.AsArray()
                   select $"{(service.EndsWith("sidecar", StringComparison.Ordinal) ? "sidecar" : service.Split('-')[0])}/{span!["name"]!.GetValue<string>()}"];
    }

    private static List<ProcessIdentity> ProcessesOf(string replica)
    {
        var own = ProcessTable.OfOrchestrator(Environment.ProcessId);
        return [.. ProcessTable.WithEnvironment($"Replica__Name={replica}").Where(process => own.Contains(process))];
    }

    private DateTime? StartOf(string resource) =>
        App.ResourceNotifications.TryGetCurrentState(resource, out var state) ? state.Snapshot.StartTimeStamp : null;

    /// <summary>Waits until the replica runs in a new process and the gateway sends requests to it.</summary>
    private async Task RestartedAsync(string replica, DateTime? started)
    {
        await Eventually.HoldsAsync(() => StartOf(replica) is { } now && now != started, $"{replica} has been restarted.");
        await HealthAsync(replica, Healthy);
        using var client = new PointsClient(fixture.Gateway);
        await Eventually.HoldsAsync(
            async () => (await client.GetAsync("/health/ready")).Text.Contains($"{replica} is ready.", StringComparison.Ordinal),
            $"The gateway sends requests to {replica}.");
    }

    private Task HealthAsync(string resource, string status) => Eventually.HoldsAsync(
        () => App.ResourceNotifications.TryGetCurrentState(resource, out var state) && state.Snapshot.HealthStatus?.ToString() == status
            && (status != Healthy || state.Snapshot.State?.Text == KnownResourceStates.Running || resource == "points"),
        $"{resource} is {status}.");
}
