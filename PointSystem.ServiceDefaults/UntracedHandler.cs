using System.Diagnostics;
using OpenTelemetry;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// Sends requests that nobody has asked for, such as looks for work: they appear in no trace, neither here nor in the processes that they reach.
/// </summary>
public sealed class UntracedHandler : DelegatingHandler
{
    private const string Header = "traceparent";

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);

        // Without a span of its own here, which would replace the header; and part of a trace that is not sampled elsewhere.
        using var untraced = SuppressInstrumentationScope.Begin();
        request.Headers.Remove(Header);
        request.Headers.TryAddWithoutValidation(Header, $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-00");
        return await base.SendAsync(request, cancellationToken);
    }
}
