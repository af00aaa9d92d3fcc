using System.Net;
using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>One API process as it is deployed: real Kestrel, real settings, no other replica.</summary>
public sealed class ApiProcess : IAsyncDisposable
{
    private readonly ChildProcess _process;

    private ApiProcess(ChildProcess process, Uri address)
    {
        _process = process;
        Address = address;
    }

    public Uri Address { get; }

    /// <summary>Everything it has logged so far.</summary>
    public string Output => _process.Output;

    /// <summary>Starts the API and waits until it is live. It need not be ready: some tests run it without a database.</summary>
    public static async Task<ApiProcess> StartAsync(string connectionString, params (string Name, string? Value)[] settings)
    {
        var address = new Uri($"http://127.0.0.1:{Ports.Next()}");
        var process = Run([], connectionString, [("ASPNETCORE_URLS", address.ToString()), .. settings]);
        var api = new ApiProcess(process, address);
        using var client = new PointsClient(address);
        await Eventually.HoldsAsync(
            async () =>
            {
                Assert.False(process.HasExited, process.Output);
                try
                {
                    return (await client.GetAsync("/health/live")).Status == HttpStatusCode.OK;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            () => process.Output);
        return api;
    }

    /// <summary>Runs the API program with the given arguments and settings, and waits for nothing.</summary>
    internal static ChildProcess Run(string[] arguments, string? connectionString, params (string Name, string? Value)[] settings)
    {
        var environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["DOTNET_ENVIRONMENT"] = null,
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["ConnectionStrings__points"] = connectionString,
            ["Auth__SigningKey"] = Tokens.SigningKey,
            ["Auth__Issuer"] = Tokens.Issuer,
            ["Auth__Audience"] = Tokens.Audience,
            ["Auth__Authority"] = null,
            ["Local__ExitWithStdin"] = "true",
            // Tests count statements, sessions and log lines from the first moment on. WarmUpTests has it on.
            ["WarmUp__Limit"] = "00:00:00",
        };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        return ChildProcess.Start("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "PointSystem.Api.dll"), .. arguments], environment);
    }

    /// <summary>A connection string that leads to no server.</summary>
    internal static string NoDatabase() => $"Host=127.0.0.1;Port={Ports.Next()};Username=postgres;Database=points";

    /// <summary>Creates and migrates a database for the caller alone.</summary>
    internal static async Task<string> MigratedDatabaseAsync(PointsDatabase server, CancellationToken cancellationToken)
    {
        var connectionString = await NewDatabaseAsync(await server.GetAsync(cancellationToken), cancellationToken);
        await MigrateAsync(connectionString, cancellationToken);
        return connectionString;
    }

    /// <summary>Creates an empty database on the server of another one.</summary>
    internal static async Task<string> NewDatabaseAsync(NpgsqlDataSource beside, CancellationToken cancellationToken)
    {
        var name = $"api_{Guid.NewGuid():n}";
        await beside.CreateCommand($"CREATE DATABASE {name}").ExecuteNonQueryAsync(cancellationToken);

        // A data source does not reveal its password; if the server needs one, this variable has it.
        var given = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_POSTGRES");
        return new NpgsqlConnectionStringBuilder(string.IsNullOrEmpty(given) ? beside.ConnectionString : given) { Database = name }.ConnectionString;
    }

    /// <summary>Migrates a database with the API's own verb, which needs no token settings.</summary>
    internal static async Task MigrateAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var migration = Run(["migrate"], connectionString, ("Auth__SigningKey", null), ("Auth__Issuer", null), ("Auth__Audience", null));
        await migration.WaitForExitAsync(cancellationToken);
        Assert.True(migration.ExitCode == 0, migration.Output);
    }

    internal int ExitCode => _process.ExitCode;

    internal Task SignalAsync(string signal) => _process.SignalAsync(signal);

    internal Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
