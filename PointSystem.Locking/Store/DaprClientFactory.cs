using System.Net.Sockets;
using Dapr;
using Dapr.Client;
using Grpc.Net.Client;
using Microsoft.Extensions.Configuration;

namespace PointSystem.Locking.Store;

/// <summary>Builds the shared client with a channel that detects a dead sidecar and uses a recovered one at once.</summary>
internal static class DaprClientFactory
{
    /// <summary>
    /// The endpoint comes from <c>DAPR_GRPC_ENDPOINT</c>, otherwise from <c>DAPR_GRPC_PORT</c> (what daprd's injector sets), in
    /// configuration or the environment.
    /// </summary>
    public static DaprClient Create(IConfiguration configuration)
    {
        var builder = new DaprClientBuilder()
            .UseGrpcEndpoint(DaprDefaults.GetDefaultGrpcEndpoint(configuration))
            .UseHttpEndpoint(DaprDefaults.GetDefaultHttpEndpoint(configuration))
            .UseGrpcChannelOptions(ChannelOptions());
        var token = DaprDefaults.GetDefaultDaprApiToken(configuration);
        return (string.IsNullOrEmpty(token) ? builder : builder.UseDaprApiToken(token)).Build();
    }

    private static GrpcChannelOptions ChannelOptions() => new()
    {
        ThrowOperationCanceledOnCancellation = true,
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(1),
            // gRPC's own connections would back off for up to two minutes, and when calls fail while one is being made, it can happen that none is made any
            // more (docs/locking.md). With a callback of ours, the handler alone connects.
            ConnectCallback = ConnectAsync,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            // Only while calls are open: gRPC servers written in Go close connections that ping too often while idle.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = TimeSpan.FromSeconds(1),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
        },
    };

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
