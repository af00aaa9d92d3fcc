using System.Security.Claims;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using PointSystem.Api.Security;

namespace PointSystem.Tests.Api;

/// <summary>Where rights stand in the tokens of several providers.</summary>
public sealed class TokenIdentityTests
{
    [Theory]
    [InlineData("Plain", """{"role":"points:read"}""", "points:read")]
    [InlineData("Plain", """{"roles":["points:read","points:write"]}""", "points:read points:write")]
    [InlineData("Plain", """{"scope":"openid points:read points:write points:admin points:approve admin"}""", "points:read points:write")]
    [InlineData("Plain", """{"role":["points:approve","points:admin x"]}""", "points:approve")]
    [InlineData("Plain", """{"role":"store admin","roles":["admin","Read Only admin"]}""", "")]
    [InlineData("Plain", """{"role":{"x":"points:admin"},"roles":[{"x":"points:admin"},["points:admin"]]}""", "")]
    [InlineData("Plain", """{"role":"admin"}""", "points:admin")]
    [InlineData("Plain", """{"right":"points:admin","http://schemas.microsoft.com/ws/2008/06/identity/claims/role":"points:admin"}""", "")]
    [InlineData("Plain", """{"realm_access":{"roles":["points:admin"]}}""", "")]
    [InlineData("EntraId", """{"roles":["points:write"]}""", "points:write")]
    [InlineData("EntraId", """{"scp":"points:read points:write"}""", "points:read points:write")]
    [InlineData("EntraId", """{"role":"points:read","scope":"points:read","roles":["admin"]}""", "")]
    [InlineData("Keycloak", """{"realm_access":{"roles":["offline_access","points:read"]}}""", "points:read")]
    [InlineData("Keycloak", """{"resource_access":{"shop.points":{"roles":["points:write"]},"account":{"roles":["points:admin"]}}}""", "points:write")]
    [InlineData("Keycloak", """{"scope":"profile points:read"}""", "points:read")]
    [InlineData("Keycloak", """{"realm_access":{"roles":["admin"]},"resource_access":{"roles":["points:admin"]}}""", "")]
    [InlineData("Keycloak", """{"realm_access":"points:admin","resource_access":["points:admin"]}""", "")]
    [InlineData("Keycloak", """{"realm_access":{"roles":{"points:admin":true}}}""", "")]
    [InlineData("Auth0", """{"permissions":["points:read","points:admin"]}""", "points:read points:admin")]
    [InlineData("Auth0", """{"scope":"points:write points:admin"}""", "points:write")]
    public async Task Of_Layout_FindsTheRightsWhereTheyStandAndNowhereElse(string layout, string claims, string rights)
    {
        var user = await OfAsync(claims, new AuthOptions { Tokens = Enum.Parse<TokenLayout>(layout), Audience = "shop.points" });

        Assert.Equal(rights.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(), Rights.All.Where(user.Has).Order());
    }

    [Fact]
    public async Task Of_RightClaims_ReplaceTheLayout()
    {
        var options = new AuthOptions { RightClaims = ["shop.rights", "https://shop.example/rights"] };

        var user = await OfAsync("""{"role":["points:admin","admin"],"shop":{"rights":"points:read"},"https://shop.example/rights":["points:write"]}""", options);

        Assert.Equal([Rights.Read, Rights.Write], Rights.All.Where(user.Has));
    }

    [Theory]
    [InlineData("""{"id":7}""", 7L)]
    [InlineData("""{"id":"7"}""", 7L)]
    [InlineData("""{"id":"seven"}""", 0L)]
    [InlineData("""{"id":-7}""", 0L)]
    [InlineData("""{"id":7.5}""", 0L)]
    [InlineData("""{"member":7}""", null)]
    [InlineData("""{"id":[7,8]}""", 0L)]
    [InlineData("""{"id":{"x":7}}""", 0L)]
    [InlineData("""{"shop.id":7}""", 7L, "shop.id")]
    [InlineData("""{"shop":{"id":7}}""", 7L, "shop.id")]
    [InlineData("""{"shop":{"id":[7]}}""", 7L, "shop.id")]
    [InlineData("""{"shop":{"id":null}}""", 0L, "shop.id")]
    [InlineData("""{"shop":{"other":7}}""", 0L, "shop.id")]
    [InlineData("""{"shop":"7"}""", 0L, "shop.id")]
    [InlineData("""{"id":7}""", null, "shop.id")]
    public async Task Of_MemberClaim_IsTheMember(string claims, long? member, string claim = "id")
    {
        var user = await OfAsync(claims, new AuthOptions { MemberClaim = claim });

        Assert.Equal(member, user.Member());
        Assert.Equal(member is not null and not 7, member is not null && user.IsOfAnotherMember(7));
    }

    [Theory]
    [InlineData("""{"sub":"anna","client_id":"shop"}""", "anna")]
    [InlineData("""{"client_id":"shop"}""", "shop")]
    [InlineData("""{"azp":"shop"}""", "shop")]
    [InlineData("""{"sub":"  "}""", "anonymous")]
    [InlineData("""{"sub":"a\u202Enn\u0007a\u200F"}""", "anna")]
    public async Task Actor_IsTheSubjectOrTheClient_WithoutControlCharacters(string claims, string actor) =>
        Assert.Equal(actor, (await OfAsync(claims, new AuthOptions())).Actor());

    /// <summary>Signed and read again: nested claims reach the service as the token handler delivers them.</summary>
    private static async Task<ClaimsPrincipal> OfAsync(string claims, AuthOptions options)
    {
        var handler = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false, MapInboundClaims = false };
        var key = new SymmetricSecurityKey(new byte[32]);
        var token = handler.CreateToken(claims, new SigningCredentials(key, SecurityAlgorithms.HmacSha256));
        var result = await handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            IssuerSigningKey = key, ValidateIssuer = false, ValidateAudience = false, ValidateLifetime = false, RequireExpirationTime = false,
        });
        Assert.True(result.IsValid, result.Exception?.Message);
        Assert.NotNull(JsonDocument.Parse(claims));
        return TokenIdentity.Of(new ClaimsPrincipal(result.ClaimsIdentity), options);
    }
}
