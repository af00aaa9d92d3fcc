using System.Text.Json.Nodes;
using PointSystem.Local.RabbitMq;
using RabbitMQ.Client;

namespace PointSystem.Tests.Sinks;

/// <summary>A real RabbitMQ with its data in a folder of its own. It is installed, or there is none.</summary>
internal sealed class RabbitMqBroker : IAsyncDisposable
{
    private readonly string _directory;
    private readonly RabbitMqServer _server;
    private readonly ChildProcess _names;
    private ChildProcess _process = null!;

    private RabbitMqBroker(string directory, RabbitMqServer server)
    {
        (_directory, _server) = (directory, server);
        _names = Start(server.Names());
    }

    public string Address => _server.Address;

    /// <summary>Starts one; null where it is not installed.</summary>
    public static async Task<RabbitMqBroker?> StartAsync()
    {
        var directory = Directory.CreateTempSubdirectory("pointsystem-rabbitmq-").FullName;
        if (RabbitMqServer.Find(directory) is not { } server)
        {
            Directory.Delete(directory);
            return null;
        }

        var broker = new RabbitMqBroker(directory, server);
        await broker.RunAsync();
        return broker;
    }

    /// <summary>Starts it, with what it has stored before.</summary>
    public async Task RunAsync()
    {
        _process = Start(_server.Spec());
        await Eventually.HoldsAsync(
            async () =>
            {
                Assert.False(_process.HasExited, _process.Output);
                return await _server.ProbeAsync(Token);
            },
            () => _process.Output);
    }

    public async Task<IConnection> ConnectAsync() => await new ConnectionFactory { Uri = new Uri(Address) }.CreateConnectionAsync(Token);

    /// <summary>Ends it like <c>kill -9</c>.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Takes messages from a queue until there are so many different ones, and returns all of them in order.</summary>
    public async Task<List<JsonNode>> TakeAsync(string queue, int different)
    {
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Token);
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: Token);
        var received = new List<JsonNode>();
        await Eventually.HoldsAsync(
            async () =>
            {
                while (await channel.BasicGetAsync(queue, autoAck: true, Token) is { } message)
                {
                    Assert.Equal("application/cloudevents+json", message.BasicProperties.ContentType);
                    var one = JsonNode.Parse(message.Body.Span)!;
                    Assert.Equal(
                        (one["id"]!.GetValue<string>(), one["type"]!.GetValue<string>(), one["type"]!.GetValue<string>(), true),
                        (message.BasicProperties.MessageId, message.BasicProperties.Type, message.RoutingKey, message.BasicProperties.Persistent));
                    received.Add(one);
                }

                return SinkLoad.Different(received) >= different;
            },
            () => $"{SinkLoad.Different(received)} of {different} messages have arrived.");
        return received;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        await _names.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static ChildProcess Start(ProcessSpec spec) => ChildProcess.Start(spec.FileName, spec.Arguments, spec.Environment, directory: spec.WorkingDirectory);
}
