using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.JsonWebTokens;
using PointSystem.AppHost;
using PointSystem.Local;
using PointSystem.Local.Postgres;

namespace PointSystem.Tests.Aspire;

/// <summary>How the app host starts and ends, as a user sees it in the terminal.</summary>
public sealed class AppHostProcessTests : IDisposable
{
    private static readonly Dictionary<string, string?> NoContainers = new() { ["POINTSYSTEM_CONTAINERS"] = "false" };

    // A start of ten programs takes 40 s on a busy machine with two processors.
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);
    private readonly string _data = ClusterFixture.NewDataDirectory();

    // A start that should fail must not wait forever.
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(Token);

    private CancellationToken Ct => _limit.Token;

    public AppHostProcessTests() => _limit.CancelAfter(StartLimit + StartLimit);

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
        _limit.Dispose();
    }

    [Fact]
    public async Task Kill_RunningAppHost_LeavesNoProcessAndTheNextRunHasTheDataAndStopsCleanly()
    {
        Needs.Signals();
        long member;
        await using (var first = await StartReadyAsync())
        {
            Assert.All(
                [
                    "gateway      http://localhost:", "/scalar", "dashboard    http://localhost:", "/login?t=", "admin token  ey",
                    "token file   ", "admin-token, valid for a day", "postgres     PostgreSQL", "redis ", "sidecar ", _data,
                ],
                part => Assert.Contains(part, first.Output, StringComparison.Ordinal));
            using var client = new PointsClient(GatewayOf(first));
            member = PointsClient.NewMember();
            (await client.AccumulateAsync(member, 77)).Expect(HttpStatusCode.Created);
            var processes = ProcessTable.OfOrchestrator(first.Id);
            Assert.True(processes.Count >= 8, "orchestrator, dashboard, Postgres, Redis, sidecar, replica, gateway");

            await first.SignalAsync("KILL");
            await first.WaitForExitAsync(Ct);

            await Eventually.HoldsAsync(
                () => !processes.Any(process => process.IsAlive()),
                () => "Still running: " + string.Join(", ", processes.Where(process => process.IsAlive())));
        }

        await using var second = await StartReadyAsync("--identity-provider", "0");
        await ReadWithItsTokensAsync(second, member);
        Assert.True(File.Exists(Path.Combine(_data, "logs", "api-1.log")));
        var left = ProcessTable.OfOrchestrator(second.Id);
        await second.SignalAsync("TERM");
        await second.WaitForExitAsync(Ct);

        Assert.Equal(0, second.ExitCode);
        await Eventually.HoldsAsync(() => !left.Any(process => process.IsAlive()), "Every process has ended.");
    }

    [Fact]
    public async Task Token_DataOfACluster_WritesAndPrintsANewOneForADay()
    {
        using (var data = DataDirectory.Open(_data))
        {
            Secrets.LoadOrCreate(data.Root);
        }
        var file = Path.Combine(_data, "admin-token");
        await File.WriteAllTextAsync(file, "old", Ct);

        await using var process = AppHostProcess.Start(_data, NoContainers, "token");
        await process.WaitForExitAsync(Ct);

        Assert.True(process.ExitCode == 0, process.Output);
        var token = (await File.ReadAllTextAsync(file, Ct)).Trim();
        await Eventually.HoldsAsync(() => process.Output.Split('\n').Contains(token), () => process.Output);
        var read = new JsonWebToken(token);
        Assert.Equal("admin", read.GetClaim("role").Value);
        Assert.Equal(TimeSpan.FromDays(1), read.ValidTo - read.ValidFrom);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task Token_NoCluster_ExitsWithOneSentence() =>
        Assert.StartsWith($"There is no cluster in {_data}", await RefusalAsync("token"), StringComparison.Ordinal);

    [Theory]
    [InlineData("--replica is not an option", "--replica", "3")]
    [InlineData("--replicas must be a whole number from 1 to 16", "--replicas", "0")]
    [InlineData("--port must be a whole number from 0 to 65535", "--port", "65536")]
    [InlineData("--identity-provider must be a whole number from 0 to 65535", "--identity-provider", "65536")]
    [InlineData("--fresh cannot be combined with a connection string", "--fresh", "--connection-string", "Host=a")]
    [InlineData("The connection string is not a valid Npgsql connection string", "--connection-string", "Pets=1")]
    [InlineData("No PostgreSQL answers on 127.0.0.1:1 ", "--connection-string", "Host=127.0.0.1;Port=1;Username=a")]
    public async Task Start_WrongOption_ExitsWithOneSentence(string sentence, params string[] arguments) =>
        Assert.Contains(sentence, await RefusalAsync(arguments), StringComparison.Ordinal);

    /// <summary>The same for faults of the command line alone, which need no process to be seen.</summary>
    [Theory]
    [InlineData("5 is not an option", "5")]
    [InlineData("--replicas must be a whole number from 1 to 16", "--replicas", "three")]
    [InlineData("--port must be a whole number from 0 to 65535", "--port", "x")]
    [InlineData("Required argument missing for option: '--replicas'", "--replicas")]
    [InlineData("--read-replicas is not an option", "--read-replicas")]
    public void Parse_WrongOption_IsRefusedWithOneSentence(string sentence, params string[] arguments) =>
        Assert.Contains(sentence, Assert.Throws<LocalException>(() => Arguments.Parse(arguments)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Start_PortIsTaken_ExitsWithOneSentence()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        Assert.StartsWith($"Port {port} is in use by another program", await RefusalAsync("--port", $"{port}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_DataIsInUse_ExitsWithOneSentence()
    {
        using var taken = DataDirectory.Open(_data);

        Assert.StartsWith($"Another runner (process {Environment.ProcessId})", await RefusalAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("what?", "is damaged")]
    [InlineData("9", "was created by PostgreSQL 9")]
    public async Task Start_DataIsUnusable_ExitsWithOneSentence(string version, string sentence)
    {
        Directory.CreateDirectory(Path.Combine(_data, "postgres"));
        await File.WriteAllTextAsync(Path.Combine(_data, ".pointsystem"), "", Ct);
        await File.WriteAllTextAsync(Path.Combine(_data, "postgres", "PG_VERSION"), version, Ct);

        var refusal = await RefusalAsync();

        Assert.Contains(sentence, refusal, StringComparison.Ordinal);
        Assert.Contains("--fresh", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_DatabaseDoesNotStart_ExitsWithItsOutput()
    {
        using (var data = DataDirectory.Open(_data))
        {
            var binaries = await PostgresChoice.ChooseAsync(null, data.Postgres, _ => { }, Ct);
            await new PostgresServer(data, Secrets.LoadOrCreate(_data), binaries, Ports.Next()).PrepareAsync(_ => { }, Ct);
            File.Delete(Path.Combine(data.Postgres, "global", "pg_control"));
        }

        var refusal = await RefusalAsync();

        Assert.Contains("postgres could not start", refusal, StringComparison.Ordinal);
        Assert.Contains("pg_control", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_NoPostgresAndNoNpm_ExitsWithOneSentence()
    {
        Needs.Signals();
        var environment = new Dictionary<string, string?>(NoContainers)
        {
            ["POINTSYSTEM_POSTGRES"] = "npm",
            ["PATH"] = "/nowhere",
            ["POINTSYSTEM_CACHE"] = Path.Combine(_data, "cache"),
        };
        await using var process = AppHostProcess.Start(_data, environment);

        await process.WaitForExitAsync(Ct);

        Assert.Equal(1, process.ExitCode);
        Assert.Contains("npm is needed", process.Output, StringComparison.Ordinal);
    }

    /// <summary>With an identity provider everything needs one of its tokens, and the printed ones are good.</summary>
    private static async Task ReadWithItsTokensAsync(ChildProcess process, long member)
    {
        string Printed(string part) => process.Output.Split('\n').Single(line => line.StartsWith($"  {part} ", StringComparison.Ordinal))[15..];
        var identity = Printed("identity").Split(", secret ");
        using var http = new HttpClient();
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials", ["client_id"] = "reports", ["client_secret"] = identity[1].Split(' ')[0],
        });
        using var issued = await http.PostAsync(new Uri($"{identity[0]}/protocol/openid-connect/token"), form, Token);
        var token = JsonNode.Parse(await issued.Content.ReadAsStringAsync(Token))!["access_token"]!.GetValue<string>();
        using var anonymous = new PointsClient(GatewayOf(process));
        using var reader = new PointsClient(GatewayOf(process), token);
        using var admin = new PointsClient(GatewayOf(process), Printed("admin token"));

        (await anonymous.GetAsync($"/api/points/balance/{member}")).Expect(HttpStatusCode.Unauthorized);
        Assert.Equal(77, await reader.BalanceAsync(member));
        (await reader.UseAsync(member, "A1", 1)).Expect(HttpStatusCode.Forbidden);
        (await admin.GetAsync("/api/admin/locks")).Expect(HttpStatusCode.OK);
    }

    private static Uri GatewayOf(ChildProcess process) =>
        new(process.Output.Split('\n').Single(line => line.StartsWith("  gateway ", StringComparison.Ordinal)).Split(' ')[^1]);

    private async Task<string> RefusalAsync(params string[] arguments)
    {
        await using var process = AppHostProcess.Start(_data, NoContainers, arguments);
        await process.WaitForExitAsync(Ct);
        Assert.Equal(1, process.ExitCode);
        await Eventually.HoldsAsync(() => process.Output.Length > 0, "The reason is printed.");
        return process.Output.TrimStart();
    }

    private async Task<ChildProcess> StartReadyAsync(params string[] more)
    {
        var process = AppHostProcess.Start(_data, NoContainers, ["--replicas", "1", .. more]);
        await Eventually.HoldsAsync(
            () => Task.FromResult(process.HasExited || process.Output.Contains("  logs ", StringComparison.Ordinal)),
            () => "Not ready: " + process.Output,
            StartLimit);
        Assert.False(process.HasExited, process.Output);
        return process;
    }
}
