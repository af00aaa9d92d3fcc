using System.Net;
using Microsoft.Extensions.Configuration;
using Npgsql;
using PointSystem.Local;
using PointSystem.Local.Cluster;
using PointSystem.Local.Gateway;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Local;

/// <summary>The process modes that another supervisor starts: PostgreSQL and the gateway, each as one process that ends on SIGTERM.</summary>
public sealed class VerbTests : IDisposable
{
    private readonly string _data = ClusterFixture.NewDataDirectory();

    [Fact]
    public async Task Postgres_UntilItIsToldToStop_ServesTheDatabaseOfTheDataDirectory()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var secrets = MakeSecrets();
        var port = FreePort.Next();
        await using var server = Programs.StartLocal(["postgres", "--data", _data, "--port", $"{port}", "--max-connections", "20"]);
        server.CloseInput();
        var connectionString = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = PostgresServer.Owner,
            Password = secrets.PostgresPassword,
            Database = PostgresServer.Database,
            Pooling = false,
        }.ConnectionString;
        await Eventually.HoldsAsync(() => AnswersAsync(connectionString, cancellationToken), "The database answers.");

        await server.SignalAsync("TERM");
        await server.WaitForExitAsync(cancellationToken);

        Assert.Equal(0, server.ExitCode);
        Assert.False(await AnswersAsync(connectionString, cancellationToken));
    }

    [Fact]
    public async Task Gateway_WithReplicasByServiceDiscovery_ForwardsToThem()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var replica = FakeReplica.Healthy("api-1");
        var port = FreePort.Next();
        await using var gateway = Programs.StartLocal(["gateway", "--port", $"{port}"], new Dictionary<string, string?>
        {
            ["services__api-1__http__0"] = replica.Upstream.Url.ToString(),
        });
        gateway.CloseInput();
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        await Eventually.HoldsAsync(async () => await StatusAsync(client, cancellationToken) == HttpStatusCode.OK, "The gateway forwards.");
        await gateway.SignalAsync("TERM");
        await gateway.WaitForExitAsync(cancellationToken);

        Assert.Equal(0, gateway.ExitCode);
    }

    [Theory]
    [InlineData("--port is missing", "gateway")]
    [InlineData("--port must be a whole number from 1 to 65535", "gateway", "--port", "0")]
    [InlineData("No replica is named", "gateway", "--port", "1")]
    [InlineData("--max-connections must be a whole number", "postgres", "--data", "/x", "--port", "1", "--max-connections", "many")]
    public async Task Verb_WrongOption_EndsWithOneSentence(string sentence, params string[] arguments)
    {
        await using var process = Programs.StartLocal(arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith(sentence, process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Discover_AddressThatIsNone_NamesTheVariable()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("services:api-1:http:0", "nowhere")]).Build();

        var error = Assert.Throws<LocalException>(() => GatewayCommand.Discover(configuration));

        Assert.StartsWith("services__api-1__http__0 must be a URL", error.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    private Secrets MakeSecrets()
    {
        using var directory = DataDirectory.Open(_data);
        return Secrets.LoadOrCreate(directory.Root);
    }

    private static async Task<HttpStatusCode?> StatusAsync(HttpClient client, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await client.GetAsync(new Uri("/api/points/balance/1", UriKind.Relative), cancellationToken);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static async Task<bool> AnswersAsync(string connectionString, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
