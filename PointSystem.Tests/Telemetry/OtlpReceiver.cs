using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace PointSystem.Tests.Telemetry;

/// <summary>A collector that receives OTLP over HTTP and keeps the spans.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
    }

    public Uri Address { get; }

    public ConcurrentQueue<Span> Spans { get; } = new();

    /// <summary>The number of requests with <c>traces</c>, <c>metrics</c> and <c>logs</c>.</summary>
    public ConcurrentDictionary<string, int> Requests { get; } = new();

    /// <summary>Everything that has arrived, if it is kept.</summary>
    public ConcurrentQueue<byte[]> Bodies { get; } = new();

    /// <summary>Whether <see cref="Bodies"/> are kept. Default false.</summary>
    public bool KeepsBodies { get; set; }

    /// <summary>The environment variables that make a program send everything here with little delay.</summary>
    public Dictionary<string, string?> Environment => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Address.ToString(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
    };

    public static async Task<OtlpReceiver> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var address = new Uri($"http://127.0.0.1:{Ports.Next()}");
        builder.WebHost.UseUrls(address.ToString());
        var app = builder.Build();
        var receiver = new OtlpReceiver(app, address);
        app.MapPost("/v1/{signal}", receiver.ReceiveAsync);
        await app.StartAsync(cancellationToken);
        return receiver;
    }

    /// <summary>The spans of a trace that have arrived so far.</summary>
    public IReadOnlyList<Span> Trace(string traceId) => [.. Spans.Where(span => span.TraceId == traceId)];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> ReceiveAsync(string signal, HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, request.HttpContext.RequestAborted);
        if (KeepsBodies)
        {
            Bodies.Enqueue(body.ToArray());
        }
        if (signal == "traces")
        {
            foreach (var span in OtlpTraces.Read(body.ToArray()))
            {
                Spans.Enqueue(span);
            }
        }
        Requests.AddOrUpdate(signal, 1, (_, count) => count + 1);
        // An empty protobuf message means that everything was accepted.
        return Results.Bytes([], "application/x-protobuf");
    }
}
