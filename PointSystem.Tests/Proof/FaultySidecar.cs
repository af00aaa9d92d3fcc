using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Sidecar;

namespace PointSystem.Tests.Proof;

/// <summary>A gRPC server in place of the sidecar, with faults that the test injects.</summary>
internal sealed class FaultySidecar : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FaultySidecar(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
    }

    public Uri Address { get; }

    /// <summary>Handles every lock call; if null, every call succeeds.</summary>
    public Func<HttpContext, Task>? Fault { get; set; }

    /// <summary>A fault that ends a call with this gRPC status.</summary>
    public static Func<HttpContext, Task> Status(StatusCode code) => _ => throw new RpcException(new Status(code, "injected by the test"));

    public static async Task<FaultySidecar> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, port => port.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddHttpContextAccessor();
        FaultySidecar? sidecar = null;
        builder.Services.AddSingleton<Func<HttpContext, Task>>(_ => context => sidecar!.Fault?.Invoke(context) ?? Task.CompletedTask);
        var app = builder.Build();
        app.MapGrpcService<LockService>();
        await app.StartAsync(cancellationToken);
        var address = app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single();
        return sidecar = new FaultySidecar(app, new Uri(address));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private sealed class LockService(Func<HttpContext, Task> before) : DaprLockContract
    {
        public override async Task<TryLockResponse> TryLockAlpha1(TryLockRequest request, ServerCallContext context)
        {
            await before(context.GetHttpContext());
            return new TryLockResponse { Success = true };
        }

        public override async Task<UnlockResponse> UnlockAlpha1(UnlockRequest request, ServerCallContext context)
        {
            await before(context.GetHttpContext());
            return new UnlockResponse { Status = UnlockResponse.Types.Status.Success };
        }
    }
}
