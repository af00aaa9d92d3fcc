using Npgsql;
using PointSystem.Local;
using PointSystem.Local.Postgres;

namespace PointSystem.Tests.Local;

/// <summary>The verb that the app host starts: PostgreSQL as one process that ends on SIGTERM.</summary>
public sealed class VerbTests : IDisposable
{
    private readonly string _data = ClusterFixture.NewDataDirectory();

    [Fact]
    public async Task Postgres_UntilSigterm_ServesTheDatabaseOfTheDataDirectory()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var secrets = MakeSecrets();
        var port = Ports.Next();
        await using var server = ChildProcess.StartLocal(["postgres", "--data", _data, "--port", $"{port}", "--max-connections", "20"]);
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

    [Theory]
    [InlineData("Option '--data' is required.", "postgres")]
    [InlineData("--port must be a whole number from 1 to 65535", "postgres", "--data", "/x", "--port", "0")]
    [InlineData("nothing is not an option here", "nothing")]
    [InlineData("Required command was not provided.")]
    [InlineData("--port must be a whole number from 1 to 65535", "garnet", "--port", "65536")]
    [InlineData("Option '--port' is required.", "garnet", "--exit-with-stdin")]
    [InlineData("Set POINTSYSTEM_CLIENT_SECRET to the secret of the clients.", "identity", "--port", "1")]
    [InlineData("--max-connections must be a whole number", "postgres", "--data", "/x", "--port", "1", "--max-connections", "many")]
    public async Task Verb_WrongOption_ExitsWithOneSentence(string sentence, params string[] arguments)
    {
        await using var process = ChildProcess.StartLocal(arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith(sentence, process.Output, StringComparison.Ordinal);
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
