using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>One API process with its own database, shared by the tests of the collection.</summary>
public sealed class ApiFixture(PointsDatabase server) : IAsyncLifetime
{
    private ApiProcess? _api;

    internal Uri Address => _api!.Address;

    internal string ConnectionString { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        ConnectionString = await server.CreateOwnedAsync(Token);
        _api = await ApiProcess.StartAsync(ConnectionString, ("Replica__Name", "one"));
    }

    internal PointsClient Client(string? token = null) => new(Address, token);

    public async ValueTask DisposeAsync()
    {
        if (_api is not null)
        {
            await _api.DisposeAsync();
        }
    }
}

[CollectionDefinition(Name)]
public sealed class ApiTests : ICollectionFixture<ApiFixture>
{
    public const string Name = "api";
}
