using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace PointSystem.Local.Identity;

/// <summary>
/// An OpenID provider with the addresses, answers and tokens of a Keycloak realm, as far as services need one: discovery, keys, and tokens by client
/// credentials. For trying and testing only: all clients have the same secret, and it has no TLS.
/// </summary>
internal sealed class IdentityProvider : IAsyncDisposable
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);
    private const string TokenPath = "/protocol/openid-connect/token";
    private const string KeysPath = "/protocol/openid-connect/certs";
    private const string ClientCredentials = "client_credentials";
    private readonly WebApplication _app;
    private readonly IReadOnlyList<RealmClient> _clients;
    private readonly byte[] _secret;

    private IdentityProvider(Uri address, RealmTokens tokens, IReadOnlyList<RealmClient> clients, string secret)
    {
        Tokens = tokens;
        _clients = clients;
        _secret = SHA256.HashData(Encoding.UTF8.GetBytes(secret));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Urls.Add(address.ToString());
        var realm = _app.MapGroup(RealmTokens.RealmPath);
        var discovery =
            $$"""
            {"issuer":"{{tokens.Issuer}}","token_endpoint":"{{tokens.Issuer}}{{TokenPath}}","jwks_uri":"{{tokens.Issuer}}{{KeysPath}}",
             "grant_types_supported":["{{ClientCredentials}}"],"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],
             "response_types_supported":["none"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}
            """;
        realm.MapGet("/.well-known/openid-configuration", () => Results.Text(discovery, "application/json"));
        realm.MapGet(KeysPath, () => Results.Json(new { keys = new[] { tokens.PublicKey() } }));
        realm.MapPost(TokenPath, (Delegate)TokenAsync);
    }

    /// <summary>Creates tokens like those of the token address.</summary>
    public RealmTokens Tokens { get; }

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">The address is taken.</exception>
    public static async Task<IdentityProvider> StartAsync(
        Uri address, RealmTokens tokens, IReadOnlyList<RealmClient> clients, string secret, CancellationToken cancellationToken)
    {
        var provider = new IdentityProvider(address, tokens, clients, secret);
        await provider._app.StartAsync(cancellationToken);
        return provider;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> TokenAsync(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (!http.Request.HasFormContentType)
        {
            return Refuse(StatusCodes.Status400BadRequest, "invalid_request", "The body must be a form.");
        }

        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        if (form["grant_type"] is not [ClientCredentials])
        {
            return Refuse(StatusCodes.Status400BadRequest, "unsupported_grant_type", $"The only grant type is {ClientCredentials}.");
        }

        var (id, secret) = BasicOf(http.Request) ?? (form["client_id"].ToString(), form["client_secret"].ToString());
        if (_clients.FirstOrDefault(one => one.Id == id) is not { } client
            || !CryptographicOperations.FixedTimeEquals(_secret, SHA256.HashData(Encoding.UTF8.GetBytes(secret))))
        {
            return Refuse(StatusCodes.Status401Unauthorized, "invalid_client", "Invalid client or Invalid client credentials");
        }

        return Results.Json(new Dictionary<string, object>
        {
            ["access_token"] = Tokens.Create(client, Lifetime),
            ["expires_in"] = (int)Lifetime.TotalSeconds,
            ["refresh_expires_in"] = 0,
            ["token_type"] = "Bearer",
            ["not-before-policy"] = 0,
            ["scope"] = "profile email",
        });
    }

    /// <summary>The client's id and secret from HTTP basic authentication; null if there is none.</summary>
    private static (string Id, string Secret)? BasicOf(HttpRequest request)
    {
        if (!AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out var header)
            || !"Basic".Equals(header.Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var bytes = new byte[header.Parameter?.Length ?? 0];
        if (!Convert.TryFromBase64String(header.Parameter ?? "", bytes, out var length))
        {
            return ("", "");
        }

        // Each part is form-encoded (RFC 6749, 2.3.1).
        var parts = Encoding.UTF8.GetString(bytes.AsSpan(0, length)).Split(':', 2);
        return (WebUtility.UrlDecode(parts[0]), WebUtility.UrlDecode(parts.ElementAtOrDefault(1) ?? ""));
    }

    private static IResult Refuse(int status, string error, string description) =>
        Results.Json(new { error, error_description = description }, statusCode: status);
}
