using System.Globalization;
using Dapr.Client;
using Grpc.Net.Client;
using DaprGrpc = Dapr.Client.Autogen.Grpc.v1.Dapr;

namespace PointSystem.Tests.Sidecar;

/// <summary>A running sidecar, and clients for HTTP, gRPC and DaprClient.</summary>
internal sealed class SidecarUnderTest : IAsyncDisposable
{
    private readonly DirectoryInfo _resources;
    private readonly GrpcChannel _channel;

    private SidecarUnderTest(ChildProcess process, DirectoryInfo resources, int httpPort, int grpcPort)
    {
        Process = process;
        _resources = resources;
        HttpPort = httpPort;
        GrpcPort = grpcPort;
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{httpPort}"), Timeout = TimeSpan.FromSeconds(20) };
        _channel = GrpcChannel.ForAddress($"http://127.0.0.1:{grpcPort}");
        Grpc = new DaprGrpc.DaprClient(_channel);
        Client = new DaprClientBuilder()
            .UseHttpEndpoint($"http://127.0.0.1:{httpPort}")
            .UseGrpcEndpoint($"http://127.0.0.1:{grpcPort}")
            .Build();
    }

    public ChildProcess Process { get; }

    public int HttpPort { get; }

    public int GrpcPort { get; }

    public HttpClient Http { get; }

    public DaprGrpc.DaprClient Grpc { get; }

    public DaprClient Client { get; }

    /// <summary>Starts a sidecar with these resource files and waits until it is healthy.</summary>
    public static async Task<SidecarUnderTest> StartAsync(
        SidecarProgram program,
        RedisServer? redis,
        IEnumerable<string> manifests,
        CancellationToken cancellationToken,
        string appId = "points",
        string? apiToken = null,
        params (string Name, string? Value)[] more)
    {
        var sidecar = Launch(program, redis, manifests, appId, apiToken, more);
        try
        {
            await Eventually.HoldsAsync(
                () => sidecar.HealthyAsync(cancellationToken), () => $"The sidecar does not become healthy: {sidecar.Process.Output}");
            return sidecar;
        }
        catch
        {
            await sidecar.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a sidecar without waiting for anything.</summary>
    public static SidecarUnderTest Launch(
        SidecarProgram program, RedisServer? redis, IEnumerable<string> manifests, string appId = "points", string? apiToken = null,
        params (string Name, string? Value)[] more)
    {
        var folder = Directory.CreateTempSubdirectory("sidecar-resources-");
        foreach (var (index, text) in manifests.Index())
        {
            File.WriteAllText(Path.Combine(folder.FullName, $"{index}.yaml"), text);
        }
        var (http, grpc) = (Ports.Next(), Ports.Next());
        string[] flags =
        [
            "--app-id", appId,
            "--dapr-http-port", http.ToString(CultureInfo.InvariantCulture),
            "--dapr-grpc-port", grpc.ToString(CultureInfo.InvariantCulture),
            "--resources-path", folder.FullName,
            "--dapr-listen-addresses", "127.0.0.1",
            "--log-level", "debug",
        ];
        var environment = new Dictionary<string, string?> { ["REDIS_HOST"] = redis?.Address, ["DAPR_API_TOKEN"] = apiToken };
        foreach (var (name, value) in more)
        {
            environment[name] = value;
        }
        return new SidecarUnderTest(program.Launch(flags, environment), folder, http, grpc);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _channel.Dispose();
        Http.Dispose();
        await Process.DisposeAsync();
        _resources.Delete(recursive: true);
    }

    private async Task<bool> HealthyAsync(CancellationToken cancellationToken)
    {
        if (Process.HasExited)
        {
            Assert.Fail($"The sidecar ended during its start: {Process.Output}");
        }
        try
        {
            using var answer = await Http.GetAsync("/v1.0/healthz", cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
