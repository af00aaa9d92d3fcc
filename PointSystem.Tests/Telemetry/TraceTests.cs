using System.Diagnostics;
using System.Net;

namespace PointSystem.Tests.Telemetry;

/// <summary>A request through the gateway is one trace over gateway, replica, sidecar, Redis and SQL, as a collector receives it.</summary>
public sealed class TraceTests(TraceTests.Fixture fixture) : IClassFixture<TraceTests.Fixture>
{
    private readonly OtlpReceiver _receiver = fixture.Receiver;

    [Fact]
    public async Task Write_ThroughTheGateway_IsOneTraceDownToRedisAndSql()
    {
        using var client = new PointsClient(fixture.Cluster.GatewayUrl);
        var member = await client.CreateMemberAsync(1_000);
        // On a busy machine a replica may be in fallback after its start. Its traces have no lock.
        await Eventually.HoldsAsync(
            async () =>
            {
                (await client.UseAsync(member, "A0", 1)).Expect(HttpStatusCode.Created);
                return _receiver.Spans.Any(span => span.Name == "lock acquire" && span.Attributes.GetValueOrDefault("lock.outcome") == "acquired");
            },
            "Locks are acquired.");
        var traceId = ActivityTraceId.CreateRandom().ToHexString();
        var caller = ActivitySpanId.CreateRandom().ToHexString();
        await UseAsync(client, member, "A1", $"00-{traceId}-{caller}-01");

        // The lock is released after the answer, and each process sends its own spans, so the test waits for the last one of each.
        string[] last = ["lock release", "EVAL"];
        await Eventually.HoldsAsync(
            () => last.All(name => _receiver.Trace(traceId).Any(span => span.Name == name))
                && _receiver.Trace(traceId).Count(span => span is { Kind: SpanKind.Server, Service: "point-sidecar" or "point-gateway" }) == 3,
            () => $"The trace is not complete: {string.Join(", ", _receiver.Trace(traceId).Select(span => $"{span.Service} {span.Kind} {span.Name}"))}");
        var trace = new SpanTree(_receiver.Trace(traceId));
        var gateway = trace.Only(caller, "point-gateway", SpanKind.Server);
        var forward = trace.Only(gateway.SpanId, "point-gateway", SpanKind.Client);
        var api = trace.Only(forward.SpanId, "point-api", SpanKind.Server, "POST /api/points/use");
        var queue = trace.Only(api.SpanId, "point-api", SpanKind.Internal, "lock queue");
        var turn = trace.Only(queue.SpanId, "point-api", SpanKind.Internal, "lock turn");
        var acquire = trace.Only(turn.SpanId, "point-api", SpanKind.Internal, "lock acquire");
        var store = trace.Only(acquire.SpanId, "point-api", SpanKind.Client, "lock store");
        trace.AssertRedis(store, "TryLockAlpha1", "SET");
        var release = trace.Only(turn.SpanId, "point-api", SpanKind.Internal, "lock release");
        trace.AssertRedis(release, "UnlockAlpha1", "EVAL");
        var batch = trace.Only(queue.SpanId, "point-api", SpanKind.Internal, "lock batch");
        var sql = trace.Below(batch.SpanId);
        Assert.Equal(["BEGIN points", "COMMIT points"], sql.Select(span => span.Name).Order());
        Assert.All(sql, span => Assert.Equal((SpanKind.Client, "postgresql"), (span.Kind, span.Attributes["db.system.name"])));
        Assert.Empty(batch.Links);
        Assert.Equal("acquired", acquire.Attributes["lock.outcome"]);
        Assert.Equal(
            ["point-api 1", "point-gateway 1", "point-sidecar 1"],
            trace.Spans.Select(span => $"{span.Service} {span.Resource["service.instance.id"]}").Distinct().Order());
        Assert.All(trace.Spans, span => Assert.NotEmpty(span.Resource["service.version"]));
    }

    [Fact]
    public async Task Write_ThatIsNotSampled_HasNoSpansWhateverItCalls()
    {
        using var client = new PointsClient(fixture.Cluster.GatewayUrl);
        var member = await client.CreateMemberAsync(1_000);
        var before = Roots();
        for (var order = 0; order < 20; order++)
        {
            await UseAsync(client, member, $"A{order}", $"00-{ActivityTraceId.CreateRandom().ToHexString()}-{ActivitySpanId.CreateRandom().ToHexString()}-00");
        }

        // The spans of what came before have arrived when those of a later one have.
        var traceId = ActivityTraceId.CreateRandom().ToHexString();
        await UseAsync(client, member, "A99", $"00-{traceId}-{ActivitySpanId.CreateRandom().ToHexString()}-01");
        await Eventually.HoldsAsync(() => _receiver.Trace(traceId).Any(span => span.Name == "lock batch"), "The spans have arrived.");
        Assert.Equal(before, Roots());

        int Roots() => _receiver.Spans.Count(span => span is { ParentId.Length: 0, Service: "point-api", Name: "lock turn" or "lock batch" or "lock release" });
    }

    [Fact]
    public async Task ManyRequests_OfOneMember_AreLinkedFromTheirBatch()
    {
        using var client = new PointsClient(fixture.Cluster.GatewayUrl);
        var member = await client.CreateMemberAsync(10_000);
        var seen = _receiver.Spans.Count;
        List<Span> batches = [];

        await Eventually.HoldsAsync(
            async () =>
            {
                foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 40).Select(order => client.UseAsync(member, $"A{order}", 1))))
                {
                    answer.Expect(HttpStatusCode.Created);
                }
                batches = [.. _receiver.Spans.Skip(seen).Where(span => span is { Name: "lock batch", Links.Count: > 0 })];
                return batches.Count > 0;
            },
            "A batch has several requests.");

        var batch = batches[0];
        Assert.Equal(int.Parse(batch.Attributes["batch.size"], null), batch.Links.Count + 1);
        // Each process sends its own part of a trace.
        await Eventually.HoldsAsync(() => batch.Links.All(IsWhole), "Every request of the batch has a trace from the gateway to the queue.");
        Assert.DoesNotContain(batch.Links, link => link.TraceId == batch.TraceId);
        Assert.NotNull(QueueOf((batch.TraceId, batch.ParentId)));
    }

    [Fact]
    public async Task Probes_SentAllTheTime_AreNotTraced()
    {
        await Eventually.HoldsAsync(
            () => _receiver.Requests.GetValueOrDefault("metrics") > 5 && _receiver.Requests.ContainsKey("logs"), "Metrics and logs arrive.");

        Assert.DoesNotContain(_receiver.Spans, span =>
            span.Attributes.GetValueOrDefault("url.path", "").Contains("/health", StringComparison.Ordinal)
            || span.Attributes.GetValueOrDefault("url.full", "").Contains("/health", StringComparison.Ordinal));
        // Nor is the warm-up, which has sent requests to the replica itself, nor anything that was done for it.
        Assert.DoesNotContain(_receiver.Spans, span => span is { ParentId.Length: 0, Service: "point-api", Name: "POST" or "lock turn" or "lock batch" or "lock release" });
        // The replicas' own reads are not traced either, except that they open a connection.
        Assert.DoesNotContain(_receiver.Spans, span =>
            span is { ParentId.Length: 0, Service: "point-api" }
            && span.Attributes.ContainsKey("db.system.name")
            && !span.Name.StartsWith("CONNECT", StringComparison.Ordinal));
    }

    /// <summary>Spends 1 point, as a part of the trace of a <c>traceparent</c>.</summary>
    private static async Task UseAsync(PointsClient client, long member, string order, string traceParent)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/points/use")
        {
            Content = System.Net.Http.Json.JsonContent.Create(new { memberId = member, orderNumber = order, amount = 1 }),
            Headers = { { "traceparent", traceParent } },
        };
        (await client.SendAsync(request)).Expect(HttpStatusCode.Created);
    }

    private bool IsWhole((string TraceId, string SpanId) link) => QueueOf(link) is { } queue
        && _receiver.Trace(link.TraceId) is var trace
        && trace.Any(span => span.SpanId == queue.ParentId && span.Name == "POST /api/points/use")
        && trace.Any(span => span is { Service: "point-gateway", Kind: SpanKind.Server });

    private Span? QueueOf((string TraceId, string SpanId) link) =>
        _receiver.Spans.SingleOrDefault(span => span.TraceId == link.TraceId && span.SpanId == link.SpanId && span.Name == "lock queue");

    public sealed class Fixture : IAsyncLifetime
    {
        internal OtlpReceiver Receiver { get; private set; } = null!;

        internal LocalCluster Cluster { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Receiver = await OtlpReceiver.StartAsync(Token);
            Cluster = await ClusterFixture.StartOwnAsync(
                options =>
                {
                    options.Replicas = 1;
                    options.ApiEnvironment[ChildSettings.WarmUpLimit] = "00:00:10";
                    // Each write's trace then has its own lock and release.
                    options.ApiEnvironment["Locking__KeepFor"] = "00:00:00";
                    foreach (var (name, value) in Receiver.Environment)
                    {
                        options.Telemetry[name] = value;
                    }
                },
                Token);
        }

        public async ValueTask DisposeAsync()
        {
            await ClusterFixture.DeleteAsync(Cluster);
            await Receiver.DisposeAsync();
        }
    }
}
