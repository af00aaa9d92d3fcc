using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>How the gateway finds replicas by service discovery.</summary>
public sealed class ReplicaSetTests
{
    [Fact]
    public void Discover_OneServiceEach_NamesThemAfterTheService()
    {
        var replicas = Discover(("services:api-1:http:0", "http://localhost:5001"), ("services:api-2:http:0", "http://10.0.0.7:8080/"));

        Assert.Equal(["api-1 http://localhost:5001/", "api-2 http://10.0.0.7:8080/"], replicas.Current.Select(upstream => $"{upstream.Name} {upstream.Url}"));
        Assert.False(replicas.IsResolved);
    }

    [Fact]
    public void Discover_SeveralEndpointsOfOneService_AreOneReplicaEach()
    {
        var replicas = Discover(
            ("services:api:http:0", "http://127.0.0.1:1"), ("services:api:http:1", "http://127.0.0.1:2"), ("services:api:https:0", "https://127.0.0.1:3"));

        Assert.Equal(["api", "api-1"], replicas.Current.Select(upstream => upstream.Name));
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("ftp://host")]
    [InlineData("")]
    public void Discover_InvalidAddress_NamesTheVariable(string address)
    {
        var error = Assert.Throws<GatewayFaultException>(() => Discover(("services:api-1:http:0", address)));

        Assert.StartsWith("services__api-1__http__0 must be a URL", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Discover_NoReplica_SaysWhatToSet() =>
        Assert.StartsWith("No replica is named", Assert.Throws<GatewayFaultException>(() => Discover()).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Resolve_AddressesOfTheNameChange_AddsAndRemovesReplicasAndKeepsTheOthers()
    {
        var replicas = Discover(("services:api:http:0", "http://point-api-replicas:8080"));
        Assert.Empty(replicas.Current);
        Assert.True(replicas.IsResolved);

        var (added, gone) = await replicas.ResolveAsync(Resolves("10.0.0.2", "10.0.0.1", "fd00::1"), Token);
        Assert.Equal(["http://10.0.0.1:8080/", "http://10.0.0.2:8080/"], added.Select(upstream => upstream.Url.ToString()));
        Assert.Empty(gone);
        var kept = replicas.Current[1];

        (added, gone) = await replicas.ResolveAsync(Resolves("10.0.0.3", "10.0.0.2"), Token);
        Assert.Equal(["api/10.0.0.3"], added.Select(upstream => upstream.Name));
        Assert.Equal(["api/10.0.0.1"], gone.Select(upstream => upstream.Name));
        Assert.Same(kept, replicas.Current[0]);
    }

    [Fact]
    public async Task Resolve_NameServerFails_KeepsTheKnownReplicas()
    {
        var replicas = Discover(("services:api:http:0", "http://point-api-replicas:8080"));
        await replicas.ResolveAsync(Resolves("fd00::2"), Token);

        await Assert.ThrowsAsync<SocketException>(() => replicas.ResolveAsync((_, _) => throw new SocketException((int)SocketError.TryAgain), Token));

        Assert.Equal("http://[fd00::2]:8080/", Assert.Single(replicas.Current).Url.ToString());
    }

    private static Func<string, CancellationToken, Task<IPAddress[]>> Resolves(params string[] addresses) => (host, _) =>
    {
        Assert.Equal("point-api-replicas", host);
        return Task.FromResult(addresses.Select(IPAddress.Parse).ToArray());
    };

    private static ReplicaSet Discover(params (string Key, string? Value)[] configuration) => ReplicaSet.Discover(
        new ConfigurationBuilder().AddInMemoryCollection(configuration.Select(entry => KeyValuePair.Create(entry.Key, entry.Value))).Build());
}
