using System.Globalization;
using PointSystem.Local.Processes;

namespace PointSystem.Local.RabbitMq;

/// <summary>RabbitMQ from the installed programs, with its data in a folder of its own, on the loopback interface.</summary>
internal sealed class RabbitMqServer
{
    // The script that Debian has in the PATH changes to another user.
    private static readonly string[] Places = ["/usr/lib/rabbitmq/bin"];
    private readonly string _program;
    private readonly string _names;
    private readonly string _directory;
    private readonly int _clusterPort = Ports.Next();
    private readonly int _namesPort = Ports.Next();

    private RabbitMqServer(string program, string names, string directory)
    {
        (_program, _names, _directory) = (program, names, directory);
        Directory.CreateDirectory(directory);
    }

    public int Port { get; } = Ports.Next();

    /// <summary>The address for clients. The user is RabbitMQ's own for clients on this machine.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"amqp://guest:guest@127.0.0.1:{Port}");

    public string Description => $"RabbitMQ ({_program})";

    /// <summary>The server, to be started with data in a directory; null where it is not installed.</summary>
    public static RabbitMqServer? Find(string directory) =>
        (Places.Select(place => Path.Combine(place, "rabbitmq-server")).FirstOrDefault(File.Exists) ?? Executables.OnPath("rabbitmq-server")) is { } program
        && Executables.OnPath("epmd") is { } names
            ? new RabbitMqServer(program, names, directory)
            : null;

    /// <summary>Erlang's directory of names, to be started first: RabbitMQ would start one that outlives it.</summary>
    public ProcessSpec Names() => new()
    {
        Name = "rabbitmq-names",
        FileName = _names,
        Arguments = ["-port", Text(_namesPort), "-address", "127.0.0.1"],
        WorkingDirectory = _directory,
    };

    public ProcessSpec Spec() => new()
    {
        Name = "rabbitmq",
        FileName = _program,
        Arguments = [],
        WorkingDirectory = _directory,
        Environment = new Dictionary<string, string?>
        {
            ["HOME"] = _directory,
            ["ERL_EPMD_PORT"] = Text(_namesPort),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODENAME"] = "points@localhost",
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = Text(Port),
            ["RABBITMQ_DIST_PORT"] = Text(_clusterPort),

            // Without the last ones its idle threads spin, on the processors of everything else.
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",

            // Nothing of an installed service.
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(_directory, "environment"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(_directory, "rabbitmq"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(_directory, "plugins"),
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(_directory, "data"),
            ["RABBITMQ_LOG_BASE"] = Path.Combine(_directory, "log"),
            ["RABBITMQ_LOGS"] = "-",
        },
    };

    /// <summary>Whether it answers a client.</summary>
    public Task<bool> ProbeAsync(CancellationToken cancellationToken) =>
        // The first frame is one of a method; "A" would be the protocol that it wants instead.
        Probes.AnswersAsync(Port, "AMQP\0\0\u0009\u0001"u8.ToArray(), [1], cancellationToken);

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
