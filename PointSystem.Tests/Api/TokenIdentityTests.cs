using System.Security.Claims;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using PointSystem.Api.Http;
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
    [InlineData("""{"sub":"anna"}""", "anna")]
    [InlineData("""{"sub":"uid=anna,ou=Köln"}""", "uid=anna,ou=Köln")]
    [InlineData("""{"sub":"anna","client_id":"shop"}""", "anna;client=shop")]
    [InlineData("""{"sub":"anna","azp":"shop","name":"Anna Kim","preferred_username":"akim"}""", "anna;client=shop;name=Anna Kim")]
    [InlineData("""{"sub":"anna","appid":" ","name":"","preferred_username":"akim"}""", "anna;name=akim")]
    [InlineData("""{"sub":"shop","client_id":"shop"}""", "shop")]
    [InlineData("""{"client_id":"shop"}""", ";client=shop")]
    [InlineData("""{"azp":"shop"}""", ";client=shop")]
    [InlineData("""{"sub":"  "}""", "anonymous")]
    [InlineData("""{"name":"Anna Kim"}""", "anonymous")]
    [InlineData("""{"sub":"a\u202Enn\u0007a\u200F"}""", "anna%~")]
    [InlineData("""{"sub":"anna;client=shop"}""", "anna%3Bclient=shop")]
    [InlineData("""{"sub":"anna%3Bclient=shop"}""", "anna%253Bclient=shop")]
    [InlineData("""{"sub":"anna","azp":"a;name=b","name":"n;client=c"}""", "anna;client=a%3Bname=b;name=n%3Bclient=c")]
    [InlineData("""{"sub":"anonymous"}""", "anonymous%~")]
    [InlineData("""{"sub":"system:expiry"}""", "system:expiry%~")]
    [InlineData("""{"sub":"systemic"}""", "systemic")]
    public async Task Actor_IsSubjectClientAndName(string claims, string actor) =>
        Assert.Equal(actor, Shown((await OfAsync(claims, new AuthOptions())).Actor()));

    /// <summary>Long and strange parts are shortened, but remain different, and never look like another part.</summary>
    [Fact]
    public async Task Actor_OfDifferentCallers_IsDifferentAndFitsTheColumn()
    {
        var length = string.Concat(Enumerable.Repeat("x", 300));
        var subjects = new List<string>
        {
            "anna", "anna;client=shop", "an\u200Bna", "ann\u200Ba", "anna%~", ";client=shop", ";client=shop;name=anna", "anna;", "%", "%25", "\ud83d\ude00",
            "anonymous", "anon\u00ADymous", "system", "\\u0007", "\\u0008", length + "1", length + "2", length[..200], length[..199] + ";", length[..190],
            string.Concat(Enumerable.Repeat("\ud83d\ude00", 201)), string.Concat(Enumerable.Repeat(";", 200)), string.Concat(Enumerable.Repeat(";", 201)),
        };
        string[] clients = ["shop", "sh\u200Bop", "shop;name=anna", length + "1", length + "2"];
        var callers = new Dictionary<string, string> { ["anonymous"] = "nobody", ["system"] = "the service" };
        async Task<string> ActorAsync(string claims)
        {
            var actor = (await OfAsync($"{{{claims}}}", new AuthOptions())).Actor();
            Assert.True(actor.EnumerateRunes().Count() <= 200, actor);
            Assert.DoesNotContain(actor.EnumerateRunes(), rune => System.Text.Rune.IsControl(rune) || rune.Value is 0x200B or 0xAD);
            return actor;
        }

        foreach (var subject in subjects.Select(subject => $"\"sub\":\"{subject}\""))
        {
            // A client that equals the subject is left out.
            var others = clients.Where(client => subject != $"\"sub\":\"{client}\"").Select(client => $"{subject},\"azp\":\"{client}\"");
            foreach (var caller in others.Prepend(subject))
            {
                var actor = await ActorAsync(caller);
                Assert.True(callers.TryAdd(actor, caller), $"{caller} and {callers[actor]} have the same actor: {actor}");

                // A name changes nothing before it, and has room only beside a short subject and client.
                var named = await ActorAsync($"{caller},\"name\":\"{length}\"");
                Assert.True(named == actor || named.StartsWith($"{actor};name=xxx", StringComparison.Ordinal), named);
            }
        }
    }

    private static string Shown(string actor)
    {
        var mark = actor.IndexOf("%~", StringComparison.Ordinal);
        return mark < 0 ? actor : actor[..(mark + 2)];
    }

    [Theory]
    [InlineData("""{"sub":"anna","azp":"shop","exp":9999999999,"jti":"2"}""", true)]
    [InlineData("""{"sub":"anna","azp":"shop","role":"points:read","client_id":"other"}""", true)]
    [InlineData("""{"sub":"anna","client_id":"shop","iss":"elsewhere"}""", true)]
    [InlineData("""{"sub":"anna"}""", false)]
    [InlineData("""{"azp":"shop"}""", false)]
    [InlineData("""{"sub":"anna","azp":"app"}""", false)]
    [InlineData("""{"sub":"berta","azp":"shop"}""", false)]
    [InlineData("""{"sub":"nna","azp":"shopa"}""", false)]
    [InlineData("""{"caller":"anonymous"}""", false)]
    public async Task Caller_IsTheClientWithTheSubject(string claims, bool isSame)
    {
        var first = (await OfAsync("""{"sub":"anna","azp":"shop"}""", new AuthOptions())).Caller();
        var caller = (await OfAsync(claims, new AuthOptions())).Caller();

        Assert.Equal(22, caller.Length);
        Assert.Equal(isSame, first == caller);
        Assert.Equal("anonymous", new ClaimsPrincipal(new ClaimsIdentity()).Caller());
    }

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
