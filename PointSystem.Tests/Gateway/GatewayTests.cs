using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

public sealed class GatewayTests
{
    private const string NothingDone = "Nothing was done";
    [Fact]
    public async Task Get_SeveralReplicas_IsSpreadOverAll()
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var two = FakeReplica.Healthy("api-2");
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        var names = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            using var response = await client.GetAsync("/x", Token);
            names.Add(Assert.Single(response.Headers.GetValues("X-Replica")));
            Assert.Equal(names[^1], await response.Content.ReadAsStringAsync(Token));
        }

        Assert.Equal(3, names.Count(name => name == "api-1"));
        Assert.Equal(3, names.Count(name => name == "api-2"));
    }

    [Fact]
    public async Task Post_ReplicaDisconnectsBeforeItAnswers_IsNotSentAgain()
    {
        await using var one = FakeReplica.Start("api-1", _ => null);
        await using var two = FakeReplica.Start("api-2", _ => null);
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        using var response = await client.PostAsync("/x", new StringContent("{}", Encoding.UTF8, "application/json"), Token);

        await AssertProblemAsync(response, HttpStatusCode.BadGateway);
        Assert.Equal(1, one.Received.Count + two.Received.Count);
    }

    /// <summary>With the frames of its chunks, a body of the largest size would exceed the replica's limit.</summary>
    [Theory]
    [InlineData("POST", 64 * 1024)]
    [InlineData("GET", 64 * 1024)]
    [InlineData("POST", 1)]
    [InlineData("POST", 0)]
    public async Task Chunked_AnyBody_ArrivesWithItsLength(string method, int length)
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);
        using var request = new HttpRequestMessage(new HttpMethod(method), "/x") { Content = new StringContent(new string('x', length)) };
        request.Headers.TransferEncodingChunked = true;

        using var response = await client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var received = Assert.Single(one.Received);
        Assert.Contains($"\r\nContent-Length: {length}\r\n", received, StringComparison.Ordinal);
        Assert.DoesNotContain("Transfer-Encoding", received, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("\r\n\r\n" + new string('x', length), received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_NoBodyAndReusedConnectionBreaks_IsNotSentAgain()
    {
        // The connection of the first answer is reused, and breaks during the second request, for example a cancellation.
        var seen = 0;
        await using var one = FakeReplica.Start("api-1", _ => Interlocked.Increment(ref seen) == 1 ? "first" : null);
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);
        Assert.Equal("first", await client.GetStringAsync("/x", Token));

        using var response = await client.PostAsync("/x/cancel", null, Token);

        await AssertProblemAsync(response, HttpStatusCode.BadGateway);
        Assert.Equal(2, one.Received.Count);
    }

    [Fact]
    public async Task Post_IdempotencyKeyAndReplicaDisconnects_IsAnsweredByAnother()
    {
        await using var one = FakeReplica.Start("api-1", _ => null);
        await using var two = FakeReplica.Healthy("api-2");
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/x") { Content = new StringContent("the body") };
            request.Headers.Add(RetryRules.IdempotencyKey, $"key-{i}");
            using var response = await client.SendAsync(request, Token);
            Assert.Equal("api-2", await response.Content.ReadAsStringAsync(Token));
        }

        Assert.NotEmpty(one.Received);
        Assert.All(one.Received.Concat(two.Received), received => Assert.EndsWith("\r\n\r\nthe body", received, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Post_NothingListens_IsAnsweredByAnother()
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var two = FakeReplica.Healthy("api-2");
        one.StopListening();
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        for (var i = 0; i < 4; i++)
        {
            using var response = await client.PostAsync("/x", new StringContent("{}"), Token);
            Assert.Equal("api-2", await response.Content.ReadAsStringAsync(Token));
        }

        Assert.Equal(UpstreamState.Down, one.Upstream.State);
    }

    [Fact]
    public async Task Get_ReplicaFoundHanging_IsAnsweredByAnother()
    {
        await using var one = FakeReplica.Start("api-1", _ => FakeReplica.Hang);
        await using var two = FakeReplica.Healthy("api-2");
        two.Upstream.Set(UpstreamState.Down);
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        var pending = client.GetStringAsync("/x", Token);
        await Infrastructure.Eventually.HoldsAsync(() => !one.Received.IsEmpty, "The request has arrived.");
        two.Upstream.Set(UpstreamState.Ready);
        one.Upstream.Set(UpstreamState.Hanging);

        Assert.Equal("api-2", await pending);
    }

    [Fact]
    public async Task Get_ReplicaAcceptsNoMoreConnections_StillGetsItsAnswer()
    {
        using var answering = new ManualResetEventSlim();
        await using var one = FakeReplica.Start("api-1", _ => answering.Wait(TimeSpan.FromSeconds(30)) ? "api-1" : null);
        await using var two = FakeReplica.Healthy("api-2");
        two.Upstream.Set(UpstreamState.Alive);
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        var pending = client.GetStringAsync("/x", Token);
        await Infrastructure.Eventually.HoldsAsync(() => !one.Received.IsEmpty, "The request has arrived.");
        one.StopListening();
        one.Upstream.Set(UpstreamState.Down);
        answering.Set();

        Assert.Equal("api-1", await pending);
        Assert.Empty(two.Received);
    }

    [Fact]
    public async Task Any_AnswerClosesItsConnection_ReplicaIsProbedAtOnce()
    {
        await using var one = FakeReplica.Start("api-1", _ => "api-1", "Connection: close\r\n");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Token);
        // The clock does not move, so no probe is due by time.
        var watch = new ReplicaWatch(one.Upstream, new FakeTimeProvider());
        var watching = watch.RunAsync(ending.Token);
        await Infrastructure.Eventually.HoldsAsync(() => Probes(one) == 1, "The first probe has arrived.");

        await client.GetStringAsync("/x", Token);

        await Infrastructure.Eventually.HoldsAsync(() => Probes(one) == 2, "The second probe has arrived.");
        await ending.CancelAsync();
        await watching;

        static int Probes(FakeReplica replica) => replica.Received.Count(request => request.StartsWith("GET /health/ready", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Any_NoReplicaUp_Is503WithRetryAfter()
    {
        await using var one = FakeReplica.Healthy("api-1");
        one.Upstream.Set(UpstreamState.Down);
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);

        using var response = await client.PostAsync("/x", new StringContent("{}"), Token);

        var problem = await AssertProblemAsync(response, HttpStatusCode.ServiceUnavailable);
        Assert.Contains(NothingDone, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(one.Received);
    }

    [Fact]
    public async Task Any_ReplicasAliveButNotReady_ForwardsTheirAnswer()
    {
        await using var one = FakeReplica.Healthy("api-1");
        one.Upstream.Set(UpstreamState.Alive);
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);

        Assert.Equal("api-1", await client.GetStringAsync("/x", Token));
    }

    [Fact]
    public async Task Any_CallersHeaders_KeepsTraceparentAndReplacesForwarded()
    {
        const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var one = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/a%2Fb?q=%20x");
        request.Headers.Add("traceparent", Trace);
        request.Headers.Add("X-Forwarded-For", "6.6.6.6");

        using var response = await client.SendAsync(request, Token);

        var received = Assert.Single(one.Received);
        Assert.StartsWith("GET /a%2Fb?q=%20x HTTP/1.1\r\n", received, StringComparison.Ordinal);
        Assert.Contains($"traceparent: {Trace}\r\n", received, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-Forwarded-For: 127.0.0.1\r\n", received, StringComparison.Ordinal);
        Assert.Contains($"X-Forwarded-Host: {gateway.Url.Authority}\r\n", received, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", received, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/openapi/v1.json")]
    [InlineData("/api/points/use/a.b.c/cancel")]
    [InlineData("/")]
    [InlineData("/health")]
    public async Task Any_Path_IsForwardedUnchanged(string path)
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);

        Assert.Equal("api-1", await client.GetStringAsync(path, Token));

        Assert.StartsWith($"GET {path} HTTP/1.1\r\n", Assert.Single(one.Received), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_OfTheGateway_ShowsTheStateOfEachReplica()
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var two = FakeReplica.Healthy("api-2");
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);

        Assert.Contains("api-1 is ready. api-2 is ready.", await client.GetStringAsync("/health/ready", Token), StringComparison.Ordinal);
        two.Upstream.Set(UpstreamState.Hanging);
        Assert.Contains(
            "\"Degraded\",\"description\":\"api-1 is ready. api-2 is hanging.", await client.GetStringAsync("/health/ready", Token),
            StringComparison.Ordinal);
        one.Upstream.Set(UpstreamState.Down);
        using var answer = await client.GetAsync("/health/ready", Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Empty(one.Received.Concat(two.Received));
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live", Token)).StatusCode);
    }

    [Fact]
    public async Task Problem_RequestHasATraceparent_NamesItsTrace()
    {
        await using var gateway = await RunningGateway.StartAsync();
        using var client = Client(gateway);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/x");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        using var response = await client.SendAsync(request, Token);

        var problem = await AssertProblemAsync(response, HttpStatusCode.ServiceUnavailable);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", problem.GetProperty("traceId").GetString());
    }

    [Fact]
    public async Task Post_SentButNotAnswered_DoesNotClaimThatNothingWasDone()
    {
        await using var one = FakeReplica.Start("api-1", _ => null);
        await using var two = FakeReplica.Start("api-2", _ => null);
        await using var gateway = await RunningGateway.StartAsync(one, two);
        using var client = Client(gateway);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/x") { Content = new StringContent("{}") };
        request.Headers.Add(RetryRules.IdempotencyKey, "k");

        using var response = await client.SendAsync(request, Token);

        var problem = await AssertProblemAsync(response, HttpStatusCode.BadGateway);
        var detail = problem.GetProperty("detail").GetString()!;
        Assert.Contains("may or may not have been carried out", detail, StringComparison.Ordinal);
        Assert.Contains("the same Idempotency-Key", detail, StringComparison.Ordinal);
        Assert.DoesNotContain(NothingDone, detail, StringComparison.Ordinal);
        Assert.Equal(2, one.Received.Count + two.Received.Count);
    }

    [Theory]
    [InlineData(65_537)]
    [InlineData(70_000)]
    [InlineData(1_048_577)]
    public async Task Post_BodyTooLarge_Is413AndReachesNoReplica(int bytes)
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = Client(gateway);

        for (var i = 0; i < 20; i++)
        {
            using var response = await client.PostAsync("/x", new ByteArrayContent(new byte[bytes]), Token);

            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
            var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Token);
            Assert.Equal("REQUEST_TOO_LARGE", problem.GetProperty("code").GetString());
            Assert.Equal("urn:pointsystem:problem:request-too-large", problem.GetProperty("type").GetString());
        }
        Assert.Empty(one.Received);
        using var fits = await client.PostAsync("/x", new ByteArrayContent(new byte[65_536]), Token);
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
    }

    /// <summary>Kestrel waits a few seconds for the bytes of a body.</summary>
    [Theory]
    [InlineData("Content-Length: 100\r\n\r\n{", "408", "REQUEST_TIMEOUT")]
    [InlineData("Content-Length: 100\r\n\r\n", "408", "REQUEST_TIMEOUT")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\"", "408", "REQUEST_TIMEOUT")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzzz\r\n", "400", "INVALID_REQUEST")]
    public async Task Post_IncompleteBody_IsReportedAndReachesNoReplica(string rest, string status, string code)
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = new TcpClient();
        await client.ConnectAsync(gateway.Url.Host, gateway.Url.Port, Token);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{rest}"), Token);

        using var reader = new StreamReader(client.GetStream());
        var answer = await reader.ReadToEndAsync(Token);

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains($"\"code\":\"{code}\"", answer, StringComparison.Ordinal);
        Assert.Empty(one.Received);
    }

    [Theory]
    [InlineData("GET", "é")]
    [InlineData("POST", "\u00e9\u00ff")]
    [InlineData("DELETE", "한글 🎁")]
    public async Task Any_NonAsciiHeader_IsForwardedUnchanged(string method, string value)
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = new TcpClient();
        await client.ConnectAsync(gateway.Url.Host, gateway.Url.Port, Token);
        var bytes = Encoding.UTF8.GetBytes($"{method} /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: {value}\r\nContent-Length: 0\r\n\r\n");
        await client.GetStream().WriteAsync(bytes, Token);

        using var reader = new StreamReader(client.GetStream());
        Assert.StartsWith("HTTP/1.1 200", await reader.ReadToEndAsync(Token), StringComparison.Ordinal);

        Assert.Contains($"X-A: {value}\r\n", Assert.Single(one.Received), StringComparison.Ordinal);
    }

    private static HttpClient Client(RunningGateway gateway) => new() { BaseAddress = gateway.Url };

    private static async Task<JsonElement> AssertProblemAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.NotNull(response.Headers.RetryAfter);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Equal(status == HttpStatusCode.BadGateway ? "REPLICA_LOST" : "REPLICA_UNAVAILABLE", problem.GetProperty("code").GetString());
        Assert.True(response.Headers.CacheControl!.NoStore);
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("traceId").GetString()!);
        return problem;
    }
}
