using PointSystem.Tests.Features;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// A PostgreSQL server for the property tests alone: each of their replicas has its own pool, and other tests must not run out of connections.
/// For the same reason these tests run one after the other.
/// </summary>
[CollectionDefinition(Name)]
public sealed class ProofServer : ICollectionFixture<ProofServer>, IAsyncDisposable
{
    public const string Name = "Properties";

    /// <summary>Maximum number of connections of a replica.</summary>
    public const int PoolMax = 12;

    private readonly PointsDatabase _server = new();

    /// <summary>Creates an empty database with the limits of <see cref="Load"/>.</summary>
    internal Task<PropertyDatabase> CreateAsync(CancellationToken cancellationToken) => PropertyDatabase.CreateAsync(_server, cancellationToken);

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
