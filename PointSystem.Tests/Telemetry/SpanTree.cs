namespace PointSystem.Tests.Telemetry;

/// <summary>The spans of one trace, which tests query from the root down.</summary>
internal sealed class SpanTree(IReadOnlyList<Span> spans)
{
    public IReadOnlyList<Span> Spans => spans;

    public IReadOnlyList<Span> Below(string parentId) => [.. spans.Where(span => span.ParentId == parentId)];

    /// <summary>The only span of that kind (and name) below the parent. If there is none or more than one, the test fails with the whole trace.</summary>
    public Span Only(string parentId, string service, SpanKind kind, string? name = null)
    {
        var found = Below(parentId).Where(span => span.Service == service && span.Kind == kind && (name is null || span.Name == name)).ToList();
        Assert.True(found.Count == 1, $"{found.Count} spans like {service} {kind} '{name}' below {parentId} in:\n{string.Join('\n', spans)}");
        return found[0];
    }

    /// <summary>Asserts that the span has one call of the sidecar below it, then the sidecar's own span, then one Redis command.</summary>
    public void AssertRedis(Span from, string method, string command)
    {
        var call = Only(from.SpanId, "point-api", SpanKind.Client);
        Assert.EndsWith("/" + method, call.Name, StringComparison.Ordinal);
        var sidecar = Only(call.SpanId, "point-sidecar", SpanKind.Server);
        Assert.EndsWith("/" + method, sidecar.Name, StringComparison.Ordinal);
        var redis = Only(sidecar.SpanId, "point-sidecar", SpanKind.Client, command);
        Assert.Equal("redis", redis.Attributes["db.system.name"]);
        Assert.Empty(Below(redis.SpanId));
    }
}
