using System.Net;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using PointSystem.Tests.Features;
using PointSystem.Tests.Sidecar;
using PointSystem.Tests.Telemetry;

namespace PointSystem.Tests.Api;

/// <summary>Where the service takes its secrets from, and that it shows them nowhere.</summary>
public sealed class SecretTests(PointsDatabase server) : IDisposable
{
    // Those whose level the service's own settings raise.
    private static readonly string[] Categories =
    [
        "Default", "Microsoft.AspNetCore", "Microsoft.EntityFrameworkCore", "Microsoft.Extensions.Diagnostics.HealthChecks",
        "Microsoft.Extensions.Hosting.Internal.Host", "Npgsql", "Polly", "System.Net.Http.HttpClient",
    ];

    private static readonly string[] Paths =
    [
        "/health/live", "/health/ready", "/metrics", "/openapi/v1.json", "/asyncapi.json", "/scalar/", "/nowhere", "/api/admin/locks",
        "/api/admin/points/config",
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("points-secrets-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Secrets_FromFiles_AreUsedAndAreInNothingThatTheServiceWritesOrAnswers()
    {
        var (database, dapr, redisPassword) = (Marker(), Marker(), Marker());
        var signingKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(48));
        var role = $"points_{Guid.NewGuid():n}";
        var connectionString = await NewDatabaseAsync(role, database);
        // As Kubernetes and Docker mount them: a file for each, with a line break at the end or without.
        await WriteAsync("ConnectionStrings__points", connectionString + "\n");
        await WriteAsync("Auth__SigningKey", signingKey);
        await WriteAsync("DAPR_API_TOKEN", dapr);
        (string, string?)[] onlyFiles =
            [("POINTSYSTEM_SECRETS", _directory), ("ConnectionStrings__points", null), ("Auth__SigningKey", null), ("DAPR_API_TOKEN", null)];
        await using (var migration = ApiProcess.Run(["migrate"], null, onlyFiles))
        {
            await migration.WaitForExitAsync(Token);
            Assert.True(migration.ExitCode == 0, migration.Output);
        }

        await using var collector = await OtlpReceiver.StartAsync(Token);
        collector.KeepsBodies = true;
        await using var redis = await StartRedisAsync(redisPassword);
        await WriteAsync("ConnectionStrings__points-cache", $"{redis.Address},password={redisPassword}");
        await using var sidecar = await SidecarUnderTest.StartAsync(
            new StandIn(), redis, Manifests.OfRepository(), Token, "points", dapr, ("REDIS_PASSWORD", redisPassword));
        await using var api = await ApiProcess.StartAsync("",
        [
            .. onlyFiles,
            ("DAPR_GRPC_ENDPOINT", $"http://127.0.0.1:{sidecar.GrpcPort}"),
            ("DAPR_HTTP_ENDPOINT", $"http://127.0.0.1:{sidecar.HttpPort}"),
            ("Locking__AttemptTimeout", "00:00:02"),
            ("Locking__KeepFor", "00:00:00"),
            // Everything that any library ever logs.
            .. Categories.Select(category => ($"Logging__LogLevel__{category}", (string?)"Trace")),
            .. collector.Environment.Select(variable => (variable.Key, variable.Value)),
        ]);
        var token = Tokens.Create(key: signingKey);
        using var admin = new PointsClient(api.Address, token);
        using var stranger = new PointsClient(api.Address, Tokens.Create(key: Convert.ToBase64String(RandomNumberGenerator.GetBytes(48))));
        var answers = new List<Answer>();

        var member = PointsClient.NewMember();
        answers.Add((await admin.AccumulateAsync(member, 1_000, isManualGrant: true)).Expect(HttpStatusCode.Created));
        await Eventually.HoldsAsync(
            async () =>
            {
                answers.Add((await admin.UseAsync(member, "A1", 1)).Expect(HttpStatusCode.Created));
                return collector.Spans.Any(span => span.Name == "lock acquire" && span.Attributes.GetValueOrDefault("lock.outcome") == "acquired");
            },
            () => $"The lock store is used, with its token and password. {sidecar.Process.Output}");
        answers.Add((await admin.UseAsync(member, "A2", 1_000_000)).Expect(HttpStatusCode.UnprocessableEntity));
        answers.Add((await admin.PostAsync("/api/points/use", new { memberId = "x" })).Expect(HttpStatusCode.BadRequest));
        answers.Add((await stranger.GetAsync("/api/admin/points/config")).Expect(HttpStatusCode.Unauthorized));
        foreach (var path in Paths)
        {
            answers.Add(await admin.GetAsync(path));
        }

        // The database refuses the service; its errors are logged and answered, too.
        await ExecuteAsync($"ALTER ROLE {role} PASSWORD 'another'");
        await ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
        await Eventually.HoldsAsync(
            async () =>
            {
                answers.Add(await admin.GetAsync($"/api/points/balance/{member}"));
                answers.Add(await admin.GetAsync("/health/ready"));
                return answers[^2].Status == HttpStatusCode.ServiceUnavailable || answers[^2].Status == HttpStatusCode.InternalServerError;
            },
            "The database cannot be used.");
        await Eventually.HoldsAsync(
            () => collector.Requests.ContainsKey("traces") && collector.Requests.ContainsKey("metrics") && collector.Requests.ContainsKey("logs"),
            "Traces, metrics and logs have arrived.");
        sidecar.Http.DefaultRequestHeaders.Add("dapr-api-token", dapr);
        var metadata = await sidecar.Http.GetStringAsync("/v1.0/metadata", Token);

        var places = new Dictionary<string, string>
        {
            ["the log"] = api.Output,
            ["the sidecar's log"] = sidecar.Process.Output,
            ["the sidecar's metadata"] = metadata,
            ["an answer"] = string.Join('\n', answers.Select(answer => $"{answer.Text} {string.Join(' ', answer.Headers)}")),
            ["telemetry"] = string.Join('\n', collector.Bodies.Select(Encoding.Latin1.GetString)),
            ["a command line"] = string.Join('\n', ProcessTable.CommandLines()),
        };
        (string, string)[] secrets =
        [
            ("database password", database), ("signing key", signingKey), ("sidecar token", dapr), ("Redis password", redisPassword), ("bearer token", token),
        ];
        // The search would find what is there.
        Assert.Contains(role, places["the log"], StringComparison.Ordinal);
        Assert.Contains("A1", places["an answer"], StringComparison.Ordinal);
        Assert.Contains("lock acquire", places["telemetry"], StringComparison.Ordinal);
        Assert.Contains("PointSystem.Api.dll", places["a command line"], StringComparison.Ordinal);
        foreach (var (place, text) in places)
        {
            foreach (var (name, secret) in secrets)
            {
                var at = text.IndexOf(secret, StringComparison.Ordinal);
                Assert.True(at < 0, $"The {name} is in {place}: {(at < 0 ? "" : text[Math.Max(0, at - 300)..at])}");
            }
        }
    }

    [Fact]
    public async Task Directory_Missing_EndsWithItsNameAndTheReason()
    {
        var nowhere = Path.Combine(_directory, "nowhere");
        await using var process = ApiProcess.Run([], ApiProcess.NoDatabase(), ("POINTSYSTEM_SECRETS", nowhere));
        await process.WaitForExitAsync(Token);

        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith($"The secrets in {nowhere} (POINTSYSTEM_SECRETS) cannot be read", process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", process.Output, StringComparison.Ordinal);
    }

    private static string Marker() => "marker-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));

    private async Task<RedisServer> StartRedisAsync(string password)
    {
        Needs.Redis(RedisServer.NotStarted().IsRedis);
        var file = Path.Combine(_directory, "ignore.redis");
        await File.WriteAllTextAsync(file, $"user default on >{password} ~* &* +@all\n", Token);
        return await RedisServer.StartAsync(Token, _ => ["--aclfile", file]);
    }

    private Task WriteAsync(string name, string value) => File.WriteAllTextAsync(Path.Combine(_directory, name), value, Token);

    private async Task<string> NewDatabaseAsync(string role, string password)
    {
        var source = await server.GetAsync(Token);
        await ExecuteAsync($"CREATE ROLE {role} LOGIN PASSWORD '{password}'");
        await ExecuteAsync($"CREATE DATABASE {role} OWNER {role}");
        return new NpgsqlConnectionStringBuilder(source.ConnectionString) { Database = role, Username = role, Password = password }.ConnectionString;
    }

    private async Task ExecuteAsync(string sql) => await (await server.GetAsync(Token)).ExecuteAsOwnerAsync(sql);
}
