using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Sinks;

/// <summary>Events in the mock cluster of librdkafka, which speaks Kafka's protocol over TCP.</summary>
public sealed class KafkaSinkTests(PointsDatabase server)
{
    [Fact]
    public async Task Brokers_DownAndPublishersKilled_EveryEventArrivesInOrder()
    {
        using var cluster = MockCluster.Start();
        await AssertSurvivesAsync(cluster.Servers, cluster.SetDownAsync, cluster.SetUpAsync);
    }

    /// <summary>The same with brokers that are not ours to take down.</summary>
    [Fact]
    public async Task RealBrokers_PublishersKilled_EveryEventArrivesInOrder()
    {
        var given = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_KAFKA");
        Assert.SkipWhen(string.IsNullOrEmpty(given), "POINTSYSTEM_TEST_KAFKA is not set.");
        await AssertSurvivesAsync(given!, () => Task.CompletedTask, () => Task.CompletedTask);
    }

    private async Task AssertSurvivesAsync(string servers, Func<Task> leave, Func<Task> comeBack)
    {
        var topic = $"points-{Guid.NewGuid():n}";
        (string, string?)[] settings =
            [("Events__Sinks__Kafka__BootstrapServers", servers), ("Events__Sinks__Kafka__Topic", topic), ("Events__Sinks__RetryMax", "00:00:01")];
        await SinkLoad.AssertSurvivesAsync(
            await server.CreateOwnedAsync(Token), settings, leave, comeBack, different => Task.FromResult(Take(servers, topic, different)));
    }

    /// <summary>Reads a topic until there are so many different messages, and returns all of them, those of each partition in order.</summary>
    private static List<JsonNode> Take(string servers, string topic, int different)
    {
        using var consumer = new ConsumerBuilder<string, byte[]>(
            new ConsumerConfig { BootstrapServers = servers, GroupId = "test", AutoOffsetReset = AutoOffsetReset.Earliest, AllowAutoCreateTopics = true })
            .SetLogHandler((_, _) => { }).Build();
        consumer.Subscribe(topic);
        var received = new List<JsonNode>();
        while (SinkLoad.Different(received) < different)
        {
            Token.ThrowIfCancellationRequested();
            var message = consumer.Consume(TimeSpan.FromSeconds(30));
            Assert.True(message is not null, $"{SinkLoad.Different(received)} of {different} messages have arrived.");
            var one = JsonNode.Parse(message.Message.Value)!;
            Assert.Equal(one["partitionkey"]!.GetValue<string>(), message.Message.Key);
            received.Add(one);
        }

        consumer.Close();
        return received;
    }

    /// <summary>A cluster in this process, whose brokers a test can take down.</summary>
    private sealed class MockCluster : IDisposable
    {
        private const int Brokers = 3;
        private readonly IProducer<Null, Null> _owner;
        private readonly IntPtr _cluster;
        private readonly SetBroker _setDown;
        private readonly SetBroker _setUp;

        private MockCluster(IProducer<Null, Null> owner, string servers, IntPtr client)
        {
            (_owner, Servers) = (owner, servers);

            // The package has several builds of the library; this is the one that it has chosen.
            using var process = System.Diagnostics.Process.GetCurrentProcess();
            var library = NativeLibrary.Load(
                process.Modules.Cast<System.Diagnostics.ProcessModule>().First(module => module.ModuleName.Contains("rdkafka", StringComparison.Ordinal)).FileName);
            T Function<T>(string name) => Marshal.GetDelegateForFunctionPointer<T>(NativeLibrary.GetExport(library, name));
            _cluster = Function<ClusterOf>("rd_kafka_handle_mock_cluster")(client);
            _setDown = Function<SetBroker>("rd_kafka_mock_broker_set_down");
            _setUp = Function<SetBroker>("rd_kafka_mock_broker_set_up");
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate IntPtr ClusterOf(IntPtr client);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate int SetBroker(IntPtr cluster, int broker);

        public string Servers { get; }

        public static MockCluster Start()
        {
            var owner = new ProducerBuilder<Null, Null>(
                [new("bootstrap.servers", "unused"), new("test.mock.num.brokers", Brokers.ToString(CultureInfo.InvariantCulture))])
                .SetLogHandler((_, _) => { }).Build();
            using var admin = new DependentAdminClientBuilder(owner.Handle).Build();
            var servers = string.Join(',', admin.GetMetadata(TimeSpan.FromSeconds(10)).Brokers.Select(broker => $"{broker.Host}:{broker.Port}"));

            // Its functions are public in librdkafka, and not in the package for .NET.
            var handle = (SafeHandle)owner.Handle.GetType().GetProperty("LibrdkafkaHandle", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(owner.Handle)!;
            return new MockCluster(owner, servers, handle.DangerousGetHandle());
        }

        public Task SetDownAsync() => EachAsync(broker => _setDown(_cluster, broker));

        public Task SetUpAsync() => EachAsync(broker => _setUp(_cluster, broker));

        public void Dispose() => _owner.Dispose();

        private static Task EachAsync(Func<int, int> act)
        {
            for (var broker = 1; broker <= Brokers; broker++)
            {
                Assert.Equal(0, act(broker));
            }

            return Task.CompletedTask;
        }
    }
}
