using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Local.Sidecar;

/// <summary>Creates the lock components and holds those that are ready.</summary>
internal sealed class LockStores(
    string appId,
    IReadOnlyList<ComponentManifest> components,
    ComponentProperties properties,
    TimeProvider clock,
    ILogger<LockStores> logger) : IAsyncDisposable
{
    private const string RedisType = "lock.redis";
    private static readonly TimeSpan InitTimeout = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, RedisLockStore> _stores = new(StringComparer.Ordinal);

    /// <summary>Whether no lock store is ready.</summary>
    public bool IsEmpty => _stores.IsEmpty;

    /// <summary>The components that are ready.</summary>
    public IEnumerable<ComponentManifest> Loaded => components.Where(c => _stores.ContainsKey(c.Metadata.Name));

    /// <summary>Whether <see cref="CreateMissingAsync"/> has something to do.</summary>
    public bool AnyMissing => LockComponents().Any(c => !_stores.ContainsKey(c.Metadata.Name));

    /// <summary>Finds a store by name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out RedisLockStore? store) => _stores.TryGetValue(name, out store);

    /// <summary>Creates every component at start.</summary>
    /// <exception cref="SidecarStartException">A component failed and does not set <c>ignoreErrors</c>.</exception>
    public async Task CreateAllAsync(CancellationToken cancellationToken)
    {
        foreach (var other in components.Where(c => !IsLock(c) && c.Spec.Type != "secretstores.local.env"))
        {
            logger.NotALockComponent(other.LogName);
        }
        foreach (var component in LockComponents())
        {
            try
            {
                await CreateAsync(component, cancellationToken);
            }
            catch (ComponentInitException error) when (component.Spec.IgnoreErrors)
            {
                logger.ComponentMissing(component.LogName, error.Message);
            }
            catch (ComponentInitException error)
            {
                throw new SidecarStartException(
                    $"process component {component.Metadata.Name} error: [INIT_COMPONENT_FAILURE]: "
                    + $"initialization error occurred for {component.LogName}: {error.Message}",
                    error);
            }
        }
    }

    /// <summary>Retries the failed components. Repeated failures are logged at debug level only.</summary>
    public async Task CreateMissingAsync(CancellationToken cancellationToken)
    {
        foreach (var component in LockComponents().Where(c => !_stores.ContainsKey(c.Metadata.Name)))
        {
            try
            {
                await CreateAsync(component, cancellationToken);
            }
            catch (ComponentInitException error)
            {
                logger.ComponentStillMissing(component.LogName, error.Message);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _stores.Values)
        {
            await store.DisposeAsync();
        }
    }

    private static bool IsLock(ComponentManifest component) => component.Spec.Type.StartsWith("lock.", StringComparison.OrdinalIgnoreCase);

    private IEnumerable<ComponentManifest> LockComponents() => components.Where(IsLock);

    private async Task CreateAsync(ComponentManifest component, CancellationToken cancellationToken)
    {
        if (!component.Spec.Type.Equals(RedisType, StringComparison.OrdinalIgnoreCase) || component.Spec.Version is not ("" or "v0" or "v1"))
        {
            throw new ComponentInitException($"couldn't find lock store {component.Spec.Type}/{component.Spec.Version}");
        }
        var values = properties.Resolve(component);
        var settings = RedisSettings.From(values);
        var key = LockKey.For(values.GetValueOrDefault("keyPrefix"), appId, component.Metadata.Name);
        if (settings.RetriesAsked)
        {
            logger.RetriesAsked(component.LogName);
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit(component));
        var store = await RedisLockStore.ConnectAsync(settings, key, clock, limit.Token);
        _stores[component.Metadata.Name] = store;
        logger.ComponentLoaded(component.LogName, settings.Address);
    }

    private static TimeSpan Limit(ComponentManifest component)
    {
        try
        {
            return GoDuration.Parse(component.Spec.InitTimeout) is var given && given > TimeSpan.Zero ? given : InitTimeout;
        }
        catch (FormatException)
        {
            // Like daprd, uses the default for an unreadable timeout.
            return InitTimeout;
        }
    }
}
