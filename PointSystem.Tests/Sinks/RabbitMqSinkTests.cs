using System.Net;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;
using RabbitMQ.Client;

namespace PointSystem.Tests.Sinks;

/// <summary>Events in a real RabbitMQ.</summary>
public sealed class RabbitMqSinkTests(PointsDatabase server, RabbitMqSinkTests.Fixture fixture) : IClassFixture<RabbitMqSinkTests.Fixture>
{
    private readonly RabbitMqBroker _broker = Found(fixture.Broker);

    [Fact]
    public async Task BrokerAndPublishers_Killed_EveryEventArrivesInOrder()
    {
        const string name = "killed";
        await SinkLoad.AssertSurvivesAsync(
            await server.CreateOwnedAsync(Token), SettingsOf(name), _broker.KillAsync, _broker.RunAsync, different => _broker.TakeAsync(name, different));
    }

    [Fact]
    public async Task Broker_NotThereAtFirst_DelaysNoWriteAndGetsAllEventsLater()
    {
        const string name = "later";
        await _broker.KillAsync();
        await using var api = await ApiProcess.StartAsync(await server.CreateOwnedAsync(Token), SettingsOf(name));
        using var client = new PointsClient(api.Address, Tokens.Admin);

        await SinkLoad.WriteAsync(client, "a", members: 2, uses: 3);

        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        await Eventually.HoldsAsync(() => Warnings(api) == 1, () => api.Output);
        await Eventually.HoldsAsync(async () => await SinkLoad.LagAsync(client, "rabbitmq") > 0, "the lag grows");
        await _broker.RunAsync();
        var feed = await SinkLoad.FeedAsync(client, 2 * 4);
        SinkLoad.AssertSameAs(feed, await _broker.TakeAsync(name, feed.Count));
        await Eventually.SaysAsync(() => api.Output, "Events are published to rabbitmq again");

        // The answer of /metrics may be that of a moment ago.
        await Eventually.HoldsAsync(async () => await SinkLoad.LagAsync(client, "rabbitmq") == 0, "there is no lag");

        // One line for each outage.
        Assert.Equal(1, Warnings(api));
        Assert.DoesNotContain("guest:guest", api.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exchange_OfAnotherKind_IsSaidAndNothingIsLostWhenItIsGone()
    {
        const string name = "other";
        await using var connection = await _broker.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Token);
        await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: false, cancellationToken: Token);
        await using var api = await ApiProcess.StartAsync(await server.CreateOwnedAsync(Token), SettingsOf(name));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await SinkLoad.WriteAsync(client, "a", members: 1, uses: 1);
        await Eventually.SaysAsync(() => api.Output, "PRECONDITION_FAILED");

        await channel.ExchangeDeleteAsync(name, cancellationToken: Token);

        var feed = await SinkLoad.FeedAsync(client, 2);
        SinkLoad.AssertSameAs(feed, await _broker.TakeAsync(name, feed.Count));
    }

    private static RabbitMqBroker Found(RabbitMqBroker? broker)
    {
        Assert.SkipWhen(broker is null, "rabbitmq-server is not installed.");
        return broker;
    }

    private static int Warnings(ApiProcess api) => api.Output.Split("Events are not published to rabbitmq").Length - 1;

    private (string Name, string? Value)[] SettingsOf(string name) =>
    [
        ("ConnectionStrings__rabbitmq", _broker.Address), ("Events__Sinks__RabbitMq__Exchange", name), ("Events__Sinks__RabbitMq__Queue", name),
        ("Events__Sinks__RetryMax", "00:00:01"),
    ];

    /// <summary>One broker for all tests: its start takes seconds of processor time. Each test has an exchange and a queue of its own.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal RabbitMqBroker? Broker { get; private set; }

        public async ValueTask InitializeAsync() => Broker = await RabbitMqBroker.StartAsync();

        public ValueTask DisposeAsync() => Broker?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
