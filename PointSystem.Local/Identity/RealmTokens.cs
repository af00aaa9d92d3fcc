using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace PointSystem.Local.Identity;

/// <summary>A client of the identity provider: a service that gets tokens by client credentials.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Roles">The roles of its tokens.</param>
internal sealed record RealmClient(string Id, params IReadOnlyList<string> Roles)
{
    /// <summary>The clients of the local run: one for each right.</summary>
    public static IReadOnlyList<RealmClient> Local { get; } =
    [
        new("checkout", "points:read", "points:write"), new("reports", "points:read"), new("notifications", "points:events"),
        new("approvals", "points:approve"), new("operations", "points:admin"),
    ];
}

/// <summary>Tokens as Keycloak issues them, and the public key that verifies them.</summary>
internal sealed class RealmTokens : IDisposable
{
    public const string RealmPath = "/realms/pointsystem";
    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };
    private readonly RSA _rsa = RSA.Create();
    private readonly RsaSecurityKey _key;
    private readonly TimeProvider _clock;

    /// <param name="privateKey">The result of <see cref="CreateKey"/>.</param>
    /// <param name="address">Where the provider listens.</param>
    /// <param name="clock">The clock.</param>
    public RealmTokens(string privateKey, Uri address, TimeProvider clock)
    {
        _rsa.ImportPkcs8PrivateKey(Convert.FromBase64String(privateKey), out _);
        _key = new RsaSecurityKey(_rsa) { KeyId = Base64UrlEncoder.Encode(SHA256.HashData(_rsa.ExportSubjectPublicKeyInfo())) };
        Issuer = new Uri(address, RealmPath).ToString();
        _clock = clock;
    }

    public string Issuer { get; }

    /// <summary>Creates a private key: base64 of PKCS #8.</summary>
    public static string CreateKey()
    {
        using var rsa = RSA.Create(2048);
        return Convert.ToBase64String(rsa.ExportPkcs8PrivateKey());
    }

    /// <summary>The public key, as an entry of the key set.</summary>
    public object PublicKey()
    {
        var key = _rsa.ExportParameters(includePrivateParameters: false);
        return new
        {
            kid = _key.KeyId,
            kty = "RSA",
            alg = SecurityAlgorithms.RsaSha256,
            use = "sig",
            n = Base64UrlEncoder.Encode(key.Modulus),
            e = Base64UrlEncoder.Encode(key.Exponent),
        };
    }

    public string Create(RealmClient client, TimeSpan lifetime)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            IssuedAt = now,
            Expires = now + lifetime,
            SigningCredentials = new SigningCredentials(_key, SecurityAlgorithms.RsaSha256),
            Claims = new Dictionary<string, object>
            {
                ["aud"] = new[] { TokenIssuer.Audience, "account" },
                // Keycloak's subject is a random id; this one is readable in the ledger.
                ["sub"] = $"service-account-{client.Id}",
                ["typ"] = "Bearer",
                ["azp"] = client.Id,
                ["client_id"] = client.Id,
                ["jti"] = Guid.NewGuid().ToString(),
                ["realm_access"] = new Dictionary<string, object> { ["roles"] = client.Roles.Append("offline_access").ToArray() },
                ["scope"] = "profile email",
                ["preferred_username"] = $"service-account-{client.Id}",
            },
        });
    }

    public void Dispose() => _rsa.Dispose();
}
