using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using PointSystem.Api.Features.Events;
using PointSystem.Tests.Gateway;

namespace PointSystem.Tests.Deploy;

/// <summary>The snippets for other people's balancers: nginx runs with its own, word for word but for the addresses.</summary>
public sealed partial class BalancerTests(ClusterFixture clusters)
{
    private const string MemberHeader = "X-Member-Id";
    private static readonly string Folder = Path.Combine(BuildOutputs.Repository, "deploy", "balancers");

    [Fact]
    public async Task Nginx_BeforeTheReplicas_SendsAMembersRequestsToOneAndSpreadsTheOthers()
    {
        var cluster = await clusters.GetAsync(Token);
        await using var nginx = await Nginx.StartAsync([.. cluster.Replicas.Select(replica => replica.Url)]);
        using var http = new HttpClient { BaseAddress = nginx.Url };

        var used = new HashSet<string>();
        for (var i = 0; i < 40; i++)
        {
            var member = PointsClient.NewMember();
            var replicas = new List<string>();
            foreach (var path in new[] { "/api/points/accumulate", "/api/points/use", "/api/points/accumulate" })
            {
                replicas.Add(await PostAsync(path, member));
            }
            replicas.Add(await ReadAsync($"/api/points/balance/{member}", $"{member}"));
            used.Add(Assert.Single(replicas.Distinct()));
        }

        // All 40 at two of three replicas: once in ten million times.
        Assert.Equal(3, used.Count);
        foreach (var header in new[] { null, "", "seven", "7, 8" })
        {
            var spread = new HashSet<string>();
            for (var i = 0; i < 60; i++)
            {
                spread.Add(await ReadAsync("/api/points/balance/7", header));
            }
            Assert.Equal(3, spread.Count);
        }

        async Task<string> PostAsync(string path, long member)
        {
            var order = path.EndsWith("use", StringComparison.Ordinal) ? "\"orderNumber\":\"A1\"," : "";
            var body = $$"""{"memberId":{{member}},{{order}}"amount":10}""";
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.Add(MemberHeader, $"{member}");
            using var answer = await http.SendAsync(request, Token);
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            return answer.Headers.GetValues("X-Replica").Single();
        }

        async Task<string> ReadAsync(string path, string? member)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (member is not null)
            {
                request.Headers.Add(MemberHeader, member);
            }
            using var answer = await http.SendAsync(request, Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return answer.Headers.GetValues("X-Replica").Single();
        }
    }

    [Fact]
    public async Task Nginx_ReplicaIsAway_OnlyItsMembersMoveAndNothingIsSentTwice()
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var two = FakeReplica.Healthy("api-2");
        await using var three = FakeReplica.Start("api-3", _ => "api-3", "Connection: close\r\n");
        await using var nginx = await Nginx.StartAsync([one.Upstream.Url, two.Upstream.Url, three.Upstream.Url]);
        using var http = new HttpClient { BaseAddress = nginx.Url };
        var before = await ReplicasAsync();
        Assert.Equal(3, before.Values.Distinct().Count());

        // Connections that are kept break, and new ones are refused.
        three.StopListening();
        var after = await ReplicasAsync();

        Assert.All(before, pair => Assert.Equal(pair.Value != "api-3", after[pair.Key] == pair.Value));

        async Task<Dictionary<int, string>> ReplicasAsync()
        {
            var replicas = new Dictionary<int, string>();
            for (var member = 1; member <= 40; member++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/api/points/use") { Content = new StringContent("{}") };
                request.Headers.Add(MemberHeader, $"{member}");
                using var answer = await http.SendAsync(request, Token);
                replicas[member] = await answer.Content.ReadAsStringAsync(Token);
            }
            return replicas;
        }
    }

    [Fact]
    public void Envoy_Snippet_AsksWhatTheReplicasAnswer()
    {
        var resources = Yaml.Load(Path.Combine(Folder, "envoy.yaml")).Single()["static_resources"]!;
        var cluster = resources["clusters"].Items().Single();
        Assert.Equal("RING_HASH", cluster.Text("lb_policy"));
        Assert.Equal(Extensions.ReadyPath, cluster["health_checks"].Items().Single().Text("http_health_check", "path"));
        Assert.Contains(cluster.Text("common_lb_config", "consistent_hashing_lb_config", "hash_balance_factor"), (string[])["125", "150"]);
        var address = cluster["load_assignment"]!["endpoints"].Items().Single()["lb_endpoints"].Items().Single();
        var service = Yaml.Load(Path.Combine(BuildOutputs.Repository, "deploy", "kubernetes", "base", "service.yaml")).Single();
        Assert.Equal(service.Text("metadata", "name"), address.Text("endpoint", "address", "socket_address", "address"));
        Assert.Equal(service["spec"]!["ports"].Items().Single().Text("port"), address.Text("endpoint", "address", "socket_address", "port_value"));

        var manager = resources["listeners"].Items().Single()["filter_chains"].Items().Single()["filters"].Items().Single()["typed_config"]!;
        var routes = manager["route_config"]!["virtual_hosts"].Items().Single()["routes"].Items().ToList();
        Assert.All(routes, matched =>
        {
            var route = matched["route"]!;
            Assert.Equal(cluster.Text("name"), route.Text("cluster"));
            Assert.Equal(MemberHeader, route["hash_policy"].Items().Single().Text("header", "header_name"), ignoreCase: true);

            // What may have reached a replica is sent again only if it can be carried out twice, and to another one.
            var header = matched["match"]!["headers"].Items().SingleOrDefault();
            Assert.Equal(
                header is not null && (header.Text("name") == "idempotency-key" || header.Text("string_match", "exact") == HttpMethods.Get),
                route.Text("retry_policy", "retry_on").Split(',').Contains("reset"));
            Assert.EndsWith("previous_hosts", route["retry_policy"]!["retry_host_predicate"].Items().Single().Text("name"), StringComparison.Ordinal);
        });
        Assert.Null(routes[^1]["match"]!["headers"]);

        // Streams of events have no end; what they say without events keeps them open, as it does at the gateway.
        var reads = Assert.Single(routes, matched => matched["match"]!["headers"].Items().Any(header => header.Text("name") == ":method"))["route"]!;
        Assert.Equal("0s", reads.Text("timeout"));
        Assert.Equal($"{new EventOptions().Heartbeat.TotalSeconds * 2}s", reads.Text("retry_policy", "per_try_idle_timeout"));
    }

    private sealed partial class Nginx : IAsyncDisposable
    {
        private readonly ChildProcess _process;
        private readonly string _directory;

        private Nginx(ChildProcess process, string directory, Uri url)
        {
            _process = process;
            _directory = directory;
            Url = url;
        }

        public Uri Url { get; }

        public static async Task<Nginx> StartAsync(IReadOnlyList<Uri> replicas)
        {
            var program = Needs.Program("nginx", "/usr/sbin");
            var port = Ports.Next();
            var directory = Path.Combine(Path.GetTempPath(), $"nginx-{Guid.NewGuid():n}");
            Directory.CreateDirectory(directory);
            var snippet = await File.ReadAllTextAsync(Path.Combine(Folder, "nginx.conf"), Token);
            var servers = Server().Matches(snippet);
            Assert.Equal(replicas.Count, servers.Count);
            for (var i = replicas.Count - 1; i >= 0; i--)
            {
                var address = servers[i].Groups["address"];
                snippet = snippet[..address.Index] + replicas[i].Authority + snippet[(address.Index + address.Length)..];
            }
            await File.WriteAllTextAsync(
                Path.Combine(directory, "points.conf"),
                snippet.Replace("listen 8080;", string.Create(CultureInfo.InvariantCulture, $"listen 127.0.0.1:{port};"), StringComparison.Ordinal),
                Token);
            var file = Path.Combine(directory, "nginx.conf");
            await File.WriteAllTextAsync(
                file,
                $$"""
                daemon off;
                pid {{directory}}/nginx.pid;
                error_log stderr;
                events { }
                http {
                    access_log off;
                    client_body_temp_path {{directory}}/body;
                    proxy_temp_path {{directory}}/proxy;
                    fastcgi_temp_path {{directory}}/fastcgi;
                    uwsgi_temp_path {{directory}}/uwsgi;
                    scgi_temp_path {{directory}}/scgi;
                    include {{directory}}/points.conf;
                }
                """,
                Token);
            await using (var check = ChildProcess.Start(program, ["-t", "-q", "-c", file]))
            {
                await Eventually.HoldsAsync(() => check.HasExited, "nginx has read its configuration");
                Assert.True(check.ExitCode == 0, check.Output);
            }
            var process = ChildProcess.Start(program, ["-c", file]);
            var nginx = new Nginx(process, directory, new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")));
            await Eventually.HoldsAsync(
                async () =>
                {
                    Assert.False(process.HasExited, process.Output);
                    using var client = new TcpClient();
                    try
                    {
                        await client.ConnectAsync(IPAddress.Loopback, port, Token);
                        return true;
                    }
                    catch (SocketException)
                    {
                        return false;
                    }
                },
                () => process.Output);
            return nginx;
        }

        public async ValueTask DisposeAsync()
        {
            await _process.DisposeAsync();
            Directory.Delete(_directory, recursive: true);
        }

        [GeneratedRegex(@"^\s*server (?<address>[\d.]+:\d+) ", RegexOptions.Multiline)]
        private static partial Regex Server();
    }
}
