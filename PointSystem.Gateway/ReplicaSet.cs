using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace PointSystem.Gateway;

/// <summary>
/// The replicas that the configuration of service discovery names (<c>services__{name}__http__{n} = URL</c>), as Aspire sets it.
/// </summary>
/// <remarks>
/// A name with several addresses, such as a headless service of Kubernetes, is one replica per address; the name is resolved repeatedly to
/// notice changes.
/// </remarks>
internal sealed class ReplicaSet
{
    private readonly IReadOnlyList<NamedAddress> _named;
    private ImmutableArray<Upstream> _current;

    private ReplicaSet(IReadOnlyList<NamedAddress> named)
    {
        _named = named;
        _current = [.. named.Where(address => !address.IsResolved).Select(address => new Upstream(address.Name, address.Url))];
    }

    /// <summary>For tests.</summary>
    internal ReplicaSet(params IEnumerable<Upstream> upstreams)
    {
        _named = [];
        _current = [.. upstreams];
    }

    /// <summary>The replicas at this moment, in a stable order.</summary>
    public ImmutableArray<Upstream> Current => _current;

    /// <summary>Whether a name has to be resolved repeatedly.</summary>
    public bool IsResolved => _named.Any(address => address.IsResolved);

    /// <exception cref="GatewayFaultException">No replica is configured, or an address is not a URL.</exception>
    public static ReplicaSet Discover(IConfiguration configuration)
    {
        var named = configuration.GetSection("services").GetChildren()
            .SelectMany(service => service.GetSection("http").GetChildren()
                .Select((endpoint, index) => NamedAddress.Parse(service.Key, endpoint.Key, index, endpoint.Value)))
            .ToList();
        return named.Count > 0
            ? new ReplicaSet(named)
            : throw new GatewayFaultException("No replica is named: set services__api-1__http__0 to its URL, and so on for each.");
    }

    /// <summary>Resolves every name and replaces the replicas accordingly.</summary>
    /// <param name="resolve">The addresses of a host.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The replicas that are new, and those that are gone.</returns>
    public async Task<(IReadOnlyList<Upstream> Added, IReadOnlyList<Upstream> Gone)> ResolveAsync(
        Func<string, CancellationToken, Task<IPAddress[]>> resolve, CancellationToken cancellationToken)
    {
        var before = _current.ToDictionary(upstream => upstream.Url);
        var after = new List<Upstream>();
        foreach (var address in _named)
        {
            foreach (var (name, url) in await address.ResolveAsync(resolve, cancellationToken))
            {
                after.Add(before.GetValueOrDefault(url) ?? new Upstream(name, url));
            }
        }
        _current = [.. after];
        return ([.. after.Where(upstream => !before.ContainsKey(upstream.Url))], [.. before.Values.Except(after)]);
    }

    /// <summary>One entry of the configuration.</summary>
    private sealed record NamedAddress(string Name, Uri Url, bool IsResolved)
    {
        public static NamedAddress Parse(string service, string key, int index, string? value)
        {
            if (!Uri.TryCreate(value, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttp)
            {
                throw new GatewayFaultException($"services__{service}__http__{key} must be a URL such as http://localhost:5000.");
            }
            var isName = url.HostNameType == UriHostNameType.Dns && !url.IsLoopback;
            return new NamedAddress(index == 0 ? service : string.Create(CultureInfo.InvariantCulture, $"{service}-{index}"), url, isName);
        }

        public async Task<IEnumerable<(string Name, Uri Url)>> ResolveAsync(
            Func<string, CancellationToken, Task<IPAddress[]>> resolve, CancellationToken cancellationToken)
        {
            if (!IsResolved)
            {
                return [(Name, Url)];
            }
            var found = await resolve(Url.Host, cancellationToken);
            // A replica with an address of each family is one replica.
            var family = found.OrderBy(address => address.AddressFamily).FirstOrDefault()?.AddressFamily;
            return found.Where(address => address.AddressFamily == family)
                .OrderBy(address => address.ToString(), StringComparer.Ordinal)
                .Select(address => ($"{Name}/{address}", new UriBuilder(Url) { Host = address.ToString() }.Uri));
        }
    }
}
