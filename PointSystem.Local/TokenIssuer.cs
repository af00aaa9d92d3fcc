using System.Security.Claims;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace PointSystem.Local;

/// <summary>Issues bearer tokens that the local API accepts.</summary>
internal sealed class TokenIssuer(string signingKey, TimeProvider clock)
{
    public const string Issuer = "pointsystem-local";
    public const string Audience = "pointsystem";
    public const string AdminRole = "admin";
    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };
    private readonly SigningCredentials _credentials = new(new SymmetricSecurityKey(Convert.FromBase64String(signingKey)), SecurityAlgorithms.HmacSha256);

    /// <param name="subject">The subject of the token.</param>
    /// <param name="roles">Its roles; <c>admin</c> allows the admin endpoints.</param>
    /// <param name="lifetime">How long it is valid; negative for one that has already expired.</param>
    public string Create(string subject, IEnumerable<string> roles, TimeSpan lifetime)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var expires = now + lifetime;
        var start = lifetime < TimeSpan.Zero ? expires.AddMinutes(-1) : now;
        return Handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Audience,
            Subject = new ClaimsIdentity([new Claim("sub", subject), .. roles.Select(role => new Claim("role", role))]),
            IssuedAt = start,
            NotBefore = start,
            Expires = expires,
            SigningCredentials = _credentials,
        });
    }
}
