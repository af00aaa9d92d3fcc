using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PointSystem.Api.Security;

/// <summary>
/// Requests that this process sends to itself while it warms up. They need no token, because every rule refuses what they ask for. They are known by
/// a secret, from which nothing else is derived, and which means nothing afterwards.
/// </summary>
internal static class OwnRequests
{
    /// <summary>The header with the secret.</summary>
    public const string Header = "WarmUp";

    private static volatile string? s_secret;

    /// <summary>Starts to accept them, and returns the secret.</summary>
    public static string Begin() => s_secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    public static void End() => s_secret = null;

    public static bool Contain(HttpContext http) =>
        s_secret is { } secret
        && http.Connection.RemoteIpAddress is { } remote && (IPAddress.IsLoopback(remote) || remote.Equals(http.Connection.LocalIpAddress))
        && http.Request.Headers.TryGetValue(Header, out var sent)
        && CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(sent.ToString().AsSpan()), MemoryMarshal.AsBytes(secret.AsSpan()));
}
