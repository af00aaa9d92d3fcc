using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;

namespace PointSystem.Local.Sidecar;

/// <summary>Separates the two ports as in daprd, and requires <c>dapr-api-token</c> where <c>DAPR_API_TOKEN</c> is set.</summary>
internal sealed class SidecarGate(RequestDelegate next, int grpcPort, string token)
{
    private readonly byte[] _token = Encoding.UTF8.GetBytes(token);

    public async Task InvokeAsync(HttpContext http)
    {
        var isGrpc = http.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) ?? false;
        if (isGrpc != (http.Connection.LocalPort == grpcPort))
        {
            http.Response.StatusCode = isGrpc ? StatusCodes.Status404NotFound : StatusCodes.Status415UnsupportedMediaType;
        }
        else if (Refused(http))
        {
            await RefuseAsync(http, isGrpc);
        }
        else
        {
            await next(http);
        }
    }

    private bool Refused(HttpContext http) =>
        _token.Length > 0
        && !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(http.Request.Headers["dapr-api-token"].ToString()), _token)
        && !http.Request.Path.StartsWithSegments("/v1.0/healthz");

    private static Task RefuseAsync(HttpContext http, bool isGrpc)
    {
        if (!isGrpc)
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return http.Response.WriteAsync("invalid api token\n", http.RequestAborted);
        }
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] = ((int)StatusCode.Unauthenticated).ToString(CultureInfo.InvariantCulture);
        http.Response.Headers["grpc-message"] = "authentication error: api token mismatch";
        return Task.CompletedTask;
    }
}
