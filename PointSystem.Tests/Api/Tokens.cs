using System.Security.Claims;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace PointSystem.Tests.Api;

/// <summary>Valid and invalid bearer tokens.</summary>
internal static class Tokens
{
    public const string Issuer = "pointsystem-tests";
    public const string Audience = "pointsystem";

    /// <summary>64 bytes, so that HS512 can sign with it too.</summary>
    public static string SigningKey { get; } = Convert.ToBase64String([.. Enumerable.Range(1, 64).Select(i => (byte)i)]);

    /// <summary>Created on each read, so that its validity starts with the test that uses it.</summary>
    public static string Admin => Create();

    public static string Create(
        string subject = "tester",
        string? role = "admin",
        string issuer = Issuer,
        string audience = Audience,
        TimeSpan? expiresIn = null,
        TimeSpan? startsIn = null,
        string? key = null,
        string algorithm = SecurityAlgorithms.HmacSha256,
        IDictionary<string, object>? claims = null)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            Subject = new ClaimsIdentity([new Claim("sub", subject), .. role is null ? Array.Empty<Claim>() : [new Claim("role", role)]]),
            Claims = claims,
            NotBefore = now + (startsIn ?? TimeSpan.FromHours(-2)),
            Expires = now + (expiresIn ?? TimeSpan.FromHours(2)),
            SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(Convert.FromBase64String(key ?? SigningKey)), algorithm),
        });
    }

    /// <summary>Tokens that do not hold, by what is wrong with them. Each is created when it is asked for, like <see cref="Admin"/>.</summary>
    public static IReadOnlyDictionary<string, Func<string>> Wrong { get; } = new Dictionary<string, Func<string>>
    {
        ["expired"] = () => Create(expiresIn: TimeSpan.FromMinutes(-1)),
        ["not yet valid"] = () => Create(startsIn: TimeSpan.FromHours(1)),
        ["wrong key"] = () => Create(key: Convert.ToBase64String(new byte[64])),
        ["wrong issuer"] = () => Create(issuer: "somebody"),
        ["wrong audience"] = () => Create(audience: "something"),
        ["other algorithm"] = () => Create(algorithm: SecurityAlgorithms.HmacSha512),
        ["unsigned"] = Unsigned,
        ["no token"] = () => "abc",
    };

    /// <summary>The claims of <see cref="Admin"/>, unsigned.</summary>
    private static string Unsigned()
    {
        var header = Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""");
        return $"{header}.{Admin.Split('.')[1]}.";
    }
}
