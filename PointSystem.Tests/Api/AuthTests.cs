using System.Net;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class AuthTests(ApiFixture api)
{
    private const string AdminPath = "/api/admin/points/config";

    [Theory]
    [InlineData("expired")]
    [InlineData("not yet valid")]
    [InlineData("wrong key")]
    [InlineData("wrong issuer")]
    [InlineData("wrong audience")]
    [InlineData("other algorithm")]
    [InlineData("unsigned")]
    [InlineData("no token")]
    public async Task Admin_WrongToken_IsUnauthorized(string flaw)
    {
        // Created here: tests are discovered long before they run, and a token's times start when it is created.
        using var client = api.Client(Tokens.Wrong[flaw]());

        var answer = await client.GetAsync(AdminPath);

        answer.IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.StartsWith("Bearer error=\"invalid_token\"", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
    }

    /// <summary>Where no token is needed, too: its sender believes to be somebody, and the ledger would say "anonymous".</summary>
    [Theory]
    [InlineData("expired")]
    [InlineData("wrong key")]
    [InlineData("unsigned")]
    [InlineData("no token")]
    public async Task AnyAddress_WrongToken_IsUnauthorizedAndNothingIsDone(string flaw)
    {
        using var client = api.Client(Tokens.Wrong[flaw]());
        using var anonymous = api.Client();
        var id = PointsClient.NewMember();

        (await client.AccumulateAsync(id, 5)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await client.GetAsync($"/api/points/balance/{id}")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await client.GetAsync("/no/such/address")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.Equal(0, await anonymous.BalanceAsync(id));
    }

    [Theory]
    [InlineData("Bearer")]
    [InlineData("Bearer\txyz")]
    [InlineData("Basic YTpi")]
    [InlineData("Token abc")]
    public async Task AnyAddress_AuthorizationOfAnotherKind_IsUnauthorized(string header)
    {
        using var client = api.Client();
        HttpRequestMessage Request(string path)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Authorization", header);
            return request;
        }

        (await client.SendAsync(Request("/api/points/balance/7"))).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await client.SendAsync(Request("/health/live"))).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Admin_NoToken_IsUnauthorized()
    {
        using var client = api.Client();

        var answer = await client.GetAsync(AdminPath);

        answer.IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.Equal("Bearer", answer.Headers["WWW-Authenticate"]);
    }

    [Theory]
    [InlineData("member")]
    [InlineData("Admin")]
    [InlineData(null)]
    public async Task Admin_OtherRole_IsForbidden(string? role)
    {
        using var client = api.Client(Tokens.Create(role: role));

        (await client.GetAsync(AdminPath)).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
    }

    [Fact]
    public async Task Admin_RightToken_IsAuthorized()
    {
        using var client = api.Client(Tokens.Admin);

        (await client.GetAsync(AdminPath)).Expect(HttpStatusCode.OK);
    }

    [Fact]
    public async Task ManualGrant_ByCaller_NeedsTheAdminRole()
    {
        using var anonymous = api.Client();
        using var member = api.Client(Tokens.Create(role: "member"));
        using var admin = api.Client(Tokens.Admin);
        var id = PointsClient.NewMember();

        (await anonymous.AccumulateAsync(id, 5, isManualGrant: true)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await member.AccumulateAsync(id, 5, isManualGrant: true)).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await admin.AccumulateAsync(id, 5, isManualGrant: true)).Expect(HttpStatusCode.Created);
        Assert.Equal(5, await anonymous.BalanceAsync(id));
    }
}
