using PointSystem.Tests.Features;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// A PostgreSQL of the properties' own: their replicas have pools of their own, and other tests shall not run out of connections for it. They run one after
/// the other, for the same reason.
/// </summary>
[CollectionDefinition(Name)]
public sealed class ProofServer : ICollectionFixture<ProofServer>, IAsyncDisposable
{
    public const string Name = "Properties";

    /// <summary>Most connections of a replica.</summary>
    public const int PoolMax = 12;

    private readonly PointsDatabase _server = new();

    /// <summary>A database with the limits of <see cref="Load"/>, empty.</summary>
    internal Task<Ground> CreateAsync(CancellationToken cancellationToken) => Ground.CreateAsync(_server, cancellationToken);

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
