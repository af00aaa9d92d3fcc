namespace PointSystem.Local.Sidecar;

/// <summary>The components' outbound policies from all Resiliency files; later files override earlier ones.</summary>
internal sealed class OutboundPolicies
{
    private readonly Dictionary<string, OutboundPolicy> _byComponent = new(StringComparer.Ordinal);

    public OutboundPolicies(IEnumerable<ResiliencyManifest> manifests, TimeProvider clock, ILogger<OutboundPolicies> logger)
    {
        var timeouts = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        var breakers = new Dictionary<string, BreakerSettings>(StringComparer.Ordinal);
        var targets = new Dictionary<string, PolicyNames>(StringComparer.Ordinal);
        foreach (var manifest in manifests)
        {
            foreach (var (name, text) in manifest.Spec.Policies.Timeouts)
            {
                timeouts[name] = Duration(manifest, name, text, TimeSpan.Zero);
            }
            foreach (var (name, breaker) in manifest.Spec.Policies.CircuitBreakers)
            {
                breakers[name] = Breaker(manifest, name, breaker);
            }
            foreach (var (component, policies) in manifest.Spec.Targets.Components)
            {
                targets[component] = policies.Outbound;
            }
            logger.ResiliencyLoaded(manifest.Metadata.Name);
        }
        foreach (var (component, names) in targets)
        {
            if (names.Retry.Length > 0)
            {
                logger.RetryIgnored(component, names.Retry);
            }
            var timeout = Find(timeouts, names.Timeout, component, logger);
            _byComponent[component] = new OutboundPolicy(
                timeout > TimeSpan.Zero ? timeout : null,
                Find(breakers, names.CircuitBreaker, component, logger) is { } settings
                    ? new CircuitBreaker(settings, clock, (from, to) => logger.BreakerChanged(component, settings.Name, from, to))
                    : null,
                clock);
        }
    }

    /// <summary>The policy of a component; <see cref="OutboundPolicy.None"/> if no file defines one.</summary>
    public OutboundPolicy For(string component) => _byComponent.GetValueOrDefault(component, OutboundPolicy.None);

    private static T? Find<T>(Dictionary<string, T> policies, string name, string component, ILogger logger)
    {
        if (name.Length == 0)
        {
            return default;
        }
        if (!policies.TryGetValue(name, out var policy))
        {
            logger.UnknownPolicy(component, name);
        }
        return policy;
    }

    private static BreakerSettings Breaker(ResiliencyManifest manifest, string name, BreakerManifest breaker)
    {
        var openFor = Duration(manifest, name, breaker.Timeout, TimeSpan.Zero);
        return new BreakerSettings(
            name,
            Math.Max(1, breaker.MaxRequests),
            Duration(manifest, name, breaker.Interval, TimeSpan.Zero),
            // daprd's default for a missing timeout.
            openFor == TimeSpan.Zero ? TimeSpan.FromSeconds(60) : openFor,
            TripRule.Parse(breaker.Trip));
    }

    private static TimeSpan Duration(ResiliencyManifest manifest, string name, string text, TimeSpan defaultValue)
    {
        try
        {
            return text.Length == 0 ? defaultValue : GoDuration.Parse(text);
        }
        catch (FormatException error)
        {
            throw new SidecarStartException($"Resiliency {manifest.Metadata.Name}, policy {name}: {error.Message}.", error);
        }
    }
}
