using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>Options of the brokers to which events are published; section <c>Events:Sinks</c>. Each is off unless it is configured.</summary>
internal sealed class SinkOptions
{
    public const string SectionName = "Events:Sinks";

    /// <summary>RabbitMQ. It is used if there is a connection string <c>rabbitmq</c>.</summary>
    [ValidateObjectMembers]
    public RabbitMqOptions RabbitMq { get; } = new();

    /// <summary>Kafka. It is used if there are bootstrap servers.</summary>
    [ValidateObjectMembers]
    public KafkaOptions Kafka { get; } = new();

    /// <summary>Dapr's pub/sub. It is used if there is the name of a component.</summary>
    [ValidateObjectMembers]
    public DaprPubSubOptions Dapr { get; } = new();

    /// <summary>Where a sink starts that has never been used; default <see cref="SinkStart.Beginning"/>.</summary>
    public SinkStart Start { get; set; } = SinkStart.Beginning;

    /// <summary>
    /// How long a broker may take to confirm some events, up to 200; then the connection is given up and they are published again. 1 s … 10 minutes; default 30 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Events of different members that are on their way to RabbitMQ, or to the sidecar, at a time. 1 … 1,000; default 64.</summary>
    [Range(1, 1_000)]
    public int Concurrency { get; set; } = 64;

    /// <summary>Longest wait before a failed sink is tried again; the first one is a hundredth of it. 100 ms … 10 minutes; default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>Where a sink starts that has never been used.</summary>
internal enum SinkStart
{
    /// <summary>With the oldest event of the ledger.</summary>
    Beginning,

    /// <summary>Where the feed ends when it is first used: what the feed has shown by then is not published.</summary>
    Now,
}

/// <summary>Options of RabbitMQ; its address is the connection string <c>rabbitmq</c>.</summary>
internal sealed class RabbitMqOptions
{
    /// <summary>The topic exchange, which is declared as durable. The routing key of an event is its type. Default <c>pointsystem.events</c>.</summary>
    [Required, StringLength(255)]
    public string Exchange { get; set; } = "pointsystem.events";

    /// <summary>
    /// A durable queue for all events, declared and bound before the first one is published; null for none. Without it, what is published before a
    /// consumer has bound a queue of its own reaches nobody.
    /// </summary>
    [StringLength(255)]
    public string? Queue { get; set; }
}

/// <summary>Options of Kafka.</summary>
internal sealed class KafkaOptions
{
    /// <summary>Addresses of brokers, <c>host:port</c>, separated by commas; null for no Kafka.</summary>
    public string? BootstrapServers { get; set; }

    /// <summary>The topic. The key of an event is its partition key, so the order of each member is kept. Default <c>pointsystem.events</c>.</summary>
    [Required, StringLength(249)]
    public string Topic { get; set; } = "pointsystem.events";

    /// <summary>Further settings of librdkafka by their names, such as <c>security.protocol</c>.</summary>
    public IDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>Options of Dapr's pub/sub.</summary>
internal sealed class DaprPubSubOptions
{
    /// <summary>The name of the component, such as <c>pubsub</c>; null for no pub/sub.</summary>
    public string? PubSub { get; set; }

    /// <summary>The topic. Default <c>pointsystem.events</c>.</summary>
    [Required, StringLength(249)]
    public string Topic { get; set; } = "pointsystem.events";
}

/// <summary>Checks at start what attributes cannot.</summary>
internal sealed class SinkOptionsValidator : IValidateOptions<SinkOptions>
{
    // What the sink needs for its promises, by all names that librdkafka knows for them.
    private static readonly string[] KafkaReserved =
    [
        "acks", "request.required.acks", "enable.idempotence", "enable.gapless.guarantee", "bootstrap.servers", "metadata.broker.list",
        "message.timeout.ms", "delivery.timeout.ms",
    ];

    public ValidateOptionsResult Validate(string? name, SinkOptions options) =>
        options.Kafka.Settings.Keys.FirstOrDefault(key => KafkaReserved.Contains(key, StringComparer.Ordinal)) is { } reserved
            ? ValidateOptionsResult.Fail($"{SinkOptions.SectionName}:Kafka:Settings: {reserved} is set by the service, which needs it for its promises.")
            : ValidateOptionsResult.Success;
}
