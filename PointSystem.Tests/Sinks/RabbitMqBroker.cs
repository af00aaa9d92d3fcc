using System.Globalization;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace PointSystem.Tests.Sinks;

/// <summary>A real RabbitMQ with its data in a folder of its own. Without rabbitmq-server the test is skipped.</summary>
internal sealed class RabbitMqBroker : IAsyncDisposable
{
    // The script in the PATH of Debian changes to another user.
    private static readonly string[] Places = ["/usr/lib/rabbitmq/bin"];
    private readonly string _program;
    private readonly string _directory = Directory.CreateTempSubdirectory("pointsystem-rabbitmq-").FullName;
    private readonly int _port = Ports.Next();
    private readonly int _clusterPort = Ports.Next();
    private readonly int _epmdPort = Ports.Next();
    private ChildProcess? _process;

    private RabbitMqBroker(string program) => _program = program;

    public string Address => string.Create(CultureInfo.InvariantCulture, $"amqp://guest:guest@127.0.0.1:{_port}");

    public static async Task<RabbitMqBroker> StartAsync()
    {
        var program = Places.Select(place => Path.Combine(place, "rabbitmq-server")).FirstOrDefault(File.Exists) ?? Needs.Program("rabbitmq-server");
        var broker = new RabbitMqBroker(program);
        await broker.RunAsync();
        return broker;
    }

    /// <summary>Starts it, with what it has stored before.</summary>
    public async Task RunAsync()
    {
        string Number(int port) => port.ToString(CultureInfo.InvariantCulture);
        _process = ChildProcess.Start(_program, [], new Dictionary<string, string?>
        {
            ["HOME"] = _directory,
            ["RABBITMQ_NODENAME"] = $"points{_port}@localhost",
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = Number(_port),
            ["RABBITMQ_DIST_PORT"] = Number(_clusterPort),
            ["ERL_EPMD_PORT"] = Number(_epmdPort),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(_directory, "none"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(_directory, "none"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(_directory, "plugins"),
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(_directory, "data"),
            ["RABBITMQ_LOG_BASE"] = Path.Combine(_directory, "log"),
            ["RABBITMQ_LOGS"] = "-",
        });
        await Eventually.HoldsAsync(
            async () =>
            {
                Assert.False(_process.HasExited, _process.Output);
                try
                {
                    await using var connection = await ConnectAsync();
                    return true;
                }
                catch (BrokerUnreachableException)
                {
                    return false;
                }
            },
            () => _process.Output);
    }

    public async Task<IConnection> ConnectAsync() => await new ConnectionFactory { Uri = new Uri(Address) }.CreateConnectionAsync(Token);

    /// <summary>Ends it like <c>kill -9</c>.</summary>
    public Task KillAsync() => _process!.KillAsync();

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
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        // The port mapper of Erlang is a daemon that outlives the broker.
        using var mapper = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("epmd", ["-port", $"{_epmdPort}", "-kill"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        await mapper!.WaitForExitAsync(CancellationToken.None);
        Directory.Delete(_directory, recursive: true);
    }
}
