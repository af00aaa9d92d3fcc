using System.Net;
using Npgsql;

namespace PointSystem.Tests.Api;

/// <summary>One API process as it is deployed: real Kestrel, real settings, no replica beside it.</summary>
public sealed class ApiProcess : IAsyncDisposable
{
    private readonly ChildProcess _process;

    private ApiProcess(ChildProcess process, Uri address)
    {
        _process = process;
        Address = address;
    }

    public Uri Address { get; }

    /// <summary>All it has logged so far.</summary>
    public string Output => _process.Output;

    /// <summary>Starts the API and waits until it answers; not until it is ready, which some tests never want.</summary>
    public static async Task<ApiProcess> StartAsync(string connectionString, CancellationToken cancellationToken, params (string Name, string? Value)[] settings)
    {
        var address = new Uri($"http://127.0.0.1:{Ports.Next()}");
        var process = Run([], connectionString, [("ASPNETCORE_URLS", address.ToString()), .. settings]);
        var api = new ApiProcess(process, address);
        using var client = new PointsClient(address);
        await Eventually.TrueAsync(
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
            () => process.Output,
            cancellationToken);
        return api;
    }

    /// <summary>Runs the API program with arguments and settings, as they are.</summary>
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
        };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        return ChildProcess.Start("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "PointSystem.Api.dll"), .. arguments], environment);
    }

    /// <summary>A new database beside another one; empty.</summary>
    internal static async Task<string> NewDatabaseAsync(NpgsqlDataSource beside, CancellationToken cancellationToken)
    {
        var name = $"api_{Guid.NewGuid():n}";
        await beside.CreateCommand($"CREATE DATABASE {name}").ExecuteNonQueryAsync(cancellationToken);

        // A data source does not give its password away; where there is one, it came with this.
        var given = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_POSTGRES");
        return new NpgsqlConnectionStringBuilder(string.IsNullOrEmpty(given) ? beside.ConnectionString : given) { Database = name }.ConnectionString;
    }

    /// <summary>Brings a database's schema up to date, by the verb that is used everywhere; without any settings for tokens.</summary>
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
