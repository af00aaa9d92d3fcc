using System.Net;
using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>One API process as it is deployed: real Kestrel, real settings, no other replica.</summary>
public sealed class ApiProcess : IAsyncDisposable
{
    /// <summary>The setting of the connection string, for a test that wants the API to be exactly that user.</summary>
    public const string ConnectionVariable = "ConnectionStrings__points";

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

    /// <summary>
    /// Runs the API program with the given arguments and settings, and waits for nothing. With the connection string of the owner of a test
    /// server, it migrates as the owner and serves as a replica does.
    /// </summary>
    internal static ChildProcess Run(string[] arguments, string? connectionString, params (string Name, string? Value)[] settings)
    {
        var environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["DOTNET_ENVIRONMENT"] = null,
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["Auth__Authority"] = null,
            ["Local__ExitWithStdin"] = "true",
        };
        foreach (var (name, value) in (IEnumerable<(string Name, string? Value)>)
            [.. SettingsFor(connectionString is null || arguments is ["migrate"] ? connectionString : PointsDatabase.AsReplica(connectionString)), .. settings])
        {
            environment[name] = value;
        }

        return ChildProcess.Start("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "PointSystem.Api.dll"), .. arguments], environment);
    }

    /// <summary>What every API of the tests is told, in whatever way it runs.</summary>
    internal static (string Name, string? Value)[] SettingsFor(string? connectionString) =>
    [
        (ConnectionVariable, connectionString), ("Auth__SigningKey", Tokens.SigningKey), ("Auth__Issuer", Tokens.Issuer), ("Auth__Audience", Tokens.Audience),
    ];

    /// <summary>A connection string that leads to no server.</summary>
    internal static string NoDatabase() => $"Host=127.0.0.1;Port={Ports.Next()};Username=postgres;Database=points";

    /// <summary>Creates an empty database on the server of another one, and returns its owner's connection string.</summary>
    internal static async Task<string> NewDatabaseAsync(NpgsqlDataSource beside)
    {
        var name = $"api_{Guid.NewGuid():n}";
        await beside.ExecuteAsOwnerAsync($"CREATE DATABASE {name}");
        return new NpgsqlConnectionStringBuilder(PointsDatabase.AsOwner(beside.ConnectionString)) { Database = name }.ConnectionString;
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
