using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Sinks;

/// <summary>Events through Dapr's pub/sub, at the level of the gRPC call: no daprd is needed.</summary>
public sealed class DaprSinkTests(PointsDatabase server)
{
    [Fact]
    public async Task Sidecar_FailsNowAndThen_EveryEventArrivesInOrder()
    {
        await using var sidecar = await PubSub.StartAsync();
        await using var api = await ApiProcess.StartAsync(await server.CreateOwnedAsync(Token), SettingsOf(sidecar.Port));
        using var client = new PointsClient(api.Address, Tokens.Admin);

        await SinkLoad.WriteAsync(client, "a", members: 5, uses: 8);

        var feed = await SinkLoad.FeedAsync(client, 5 * 9);
        await Eventually.HoldsAsync(() => SinkLoad.Different(sidecar.Received) == feed.Count, () => api.Output);
        SinkLoad.AssertSameAs(feed, sidecar.Received);
        // The answer of /metrics may be that of a moment ago.
        await Eventually.HoldsAsync(async () => await SinkLoad.LagAsync(client, "dapr") == 0, "there is no lag");
        Assert.All(sidecar.Requests, request => Assert.Equal(
            ("broker", "pointsystem.events", "application/cloudevents+json", JsonNode.Parse(request.Data.Span)!["partitionkey"]!.GetValue<string>()),
            (request.PubsubName, request.Topic, request.DataContentType, request.Metadata["partitionKey"])));
    }

    [Fact]
    public async Task Start_Now_GetsNothingOfWhatWasBefore()
    {
        await using var sidecar = await PubSub.StartAsync();
        var database = await server.CreateOwnedAsync(Token);
        await using (var before = await ApiHost.StartAsync(database))
        {
            using var client = new PointsClient(before.Address, Tokens.Admin);
            await SinkLoad.WriteAsync(client, "a", members: 2, uses: 1);
            await SinkLoad.FeedAsync(client, 4);
        }

        await using var api = await ApiProcess.StartAsync(database, [.. SettingsOf(sidecar.Port), ("Events__Sinks__Start", "Now")]);
        using var admin = new PointsClient(api.Address, Tokens.Admin);
        await Eventually.HoldsAsync(async () => await SinkLoad.LagAsync(admin, "dapr") == 0, "the sink has begun");
        await SinkLoad.WriteAsync(admin, "b", members: 2, uses: 1);

        await SinkLoad.FeedAsync(admin, 8);
        await Eventually.HoldsAsync(() => SinkLoad.Different(sidecar.Received) >= 4, () => api.Output);
        Assert.Equal(["1-3", "1-4", "2-3", "2-4"], sidecar.Received.Select(one => one["id"]!.GetValue<string>()).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task StandIn_WithoutPubSub_IsSaidOnceAndTheServiceGoesOn()
    {
        await using var sidecar = await PubSub.StartAsync();
        sidecar.IsUnimplemented = true;
        await using var api = await ApiHost.StartAsync(await server.CreateOwnedAsync(Token), SettingsOf(sidecar.Port));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await SinkLoad.WriteAsync(client, "a", members: 1, uses: 1);
        const string Sentence = "Events are not published to dapr until this process is restarted: this sidecar has no pub/sub";

        await Eventually.SaysAsync(() => api.Output, Sentence);

        await SinkLoad.WriteAsync(client, "b", members: 1, uses: 1);
        await SinkLoad.FeedAsync(client, 4);
        Assert.Equal(2, api.Output.Split(Sentence).Length);
        Assert.Empty(sidecar.Received);
    }

    private static (string Name, string? Value)[] SettingsOf(int port) =>
        [("DAPR_GRPC_ENDPOINT", $"http://127.0.0.1:{port}"), ("Events__Sinks__Dapr__PubSub", "broker"), ("Events__Sinks__RetryMax", "00:00:01")];

    /// <summary>The publishing call of a sidecar, which fails each seventh time: before it has taken the event, or after.</summary>
    private sealed class PubSub : IAsyncDisposable
    {
        private readonly ConcurrentQueue<PublishEventRequest> _requests = new();
        private WebApplication _app = null!;
        private int _calls;

        public int Port { get; } = Ports.Next();

        public bool IsUnimplemented { get; set; }

        public IReadOnlyList<PublishEventRequest> Requests => [.. _requests];

        public IReadOnlyList<JsonNode> Received => [.. _requests.Select(request => JsonNode.Parse(request.Data.Span)!)];

        public static async Task<PubSub> StartAsync()
        {
            var sidecar = new PubSub();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(sidecar.Port, listen => listen.Protocols = HttpProtocols.Http2));
            builder.Services.AddGrpc();
            builder.Services.AddSingleton<Contract>(new Service(sidecar));
            sidecar._app = builder.Build();
            sidecar._app.MapGrpcService<Contract>();
            await sidecar._app.StartAsync(Token);
            return sidecar;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();

        private Empty Take(PublishEventRequest request)
        {
            if (IsUnimplemented)
            {
                throw new RpcException(new Status(StatusCode.Unimplemented, ""));
            }

            var call = Interlocked.Increment(ref _calls);
            if (call % 14 != 7)
            {
                _requests.Enqueue(request);
            }

            return call % 7 == 0 ? throw new RpcException(new Status(StatusCode.Internal, "channel not initialized")) : new Empty();
        }

        private sealed class Service(PubSub sidecar) : Contract
        {
            public override Task<Empty> PublishEvent(PublishEventRequest request, ServerCallContext context) => Task.FromResult(sidecar.Take(request));
        }
    }

    /// <summary>Dapr.Protos has the messages, and no base class for a server.</summary>
    [BindServiceMethod(typeof(Contract), nameof(Bind))]
    internal abstract class Contract
    {
        private static readonly Method<PublishEventRequest, Empty> PublishMethod = new(
            MethodType.Unary, "dapr.proto.runtime.v1.Dapr", nameof(PublishEvent), Of(PublishEventRequest.Parser), Of(Empty.Parser));

        public abstract Task<Empty> PublishEvent(PublishEventRequest request, ServerCallContext context);

        public static void Bind(ServiceBinderBase binder, Contract? service) =>
            binder.AddMethod(PublishMethod, service is null ? null : service.PublishEvent);

        private static Marshaller<T> Of<T>(MessageParser<T> parser)
            where T : class, IMessage<T> =>
            Marshallers.Create(message => message.ToByteArray(), parser.ParseFrom);
    }
}
