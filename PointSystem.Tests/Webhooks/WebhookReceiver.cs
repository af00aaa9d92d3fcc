using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PointSystem.Tests.Webhooks;

/// <summary>A message as a receiver got it.</summary>
internal sealed record Message(string Path, IReadOnlyDictionary<string, string> Headers, string Body, DateTimeOffset At)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    public string Id => Headers["webhook-id"];

    public string Subject => Json["subject"]!.GetValue<string>();
}

/// <summary>A receiver of webhooks that answers as it is told. Every path is a receiver of its own.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Message> _messages = new();
    private readonly ConcurrentDictionary<string, int> _open = new();
    private int _openMax;

    private WebhookReceiver(WebApplication app) => _app = app;

    public Uri Address { get; private set; } = null!;

    /// <summary>Answers a message; 204 if it does nothing. It may wait, abort the connection, or never end.</summary>
    public Func<Message, HttpContext, Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>The most requests to one path that were open at a time.</summary>
    public int OpenMax => Volatile.Read(ref _openMax);

    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        var app = builder.Build();
        var receiver = new WebhookReceiver(app);
        app.Run(receiver.HandleAsync);
        await app.StartAsync(Token);
        receiver.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single());
        return receiver;
    }

    /// <summary>The messages that a path got, in order.</summary>
    public List<Message> At(string path) => [.. _messages.Where(message => message.Path == path)];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task HandleAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        var open = _open.AddOrUpdate(path, 1, (_, count) => count + 1);
        InterlockedMax(open);
        try
        {
            using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
            var body = await reader.ReadToEndAsync(http.RequestAborted);
            var message = new Message(
                path, http.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString()), body, TimeProvider.System.GetUtcNow());
            _messages.Enqueue(message);
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            await Answer(message, http);
        }
        catch (OperationCanceledException)
        {
            // The sender has given up.
        }
        finally
        {
            _open.AddOrUpdate(path, 0, (_, count) => count - 1);
        }
    }

    private void InterlockedMax(int value)
    {
        for (var seen = Volatile.Read(ref _openMax); value > seen; seen = Volatile.Read(ref _openMax))
        {
            Interlocked.CompareExchange(ref _openMax, value, seen);
        }
    }
}
