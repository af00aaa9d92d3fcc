using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Http;
using PointSystem.Api.Security;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Audit;

/// <summary>Nothing that administrators can do can be added without the audit.</summary>
public sealed class AuditedEndpointsTests(PointsDatabase server)
{
    /// <summary>The route table of the running service, not its OpenAPI document, which an endpoint can be left out of.</summary>
    [Fact]
    public async Task RouteTable_OfTheService_HasNoUnauditedEndpoint()
    {
        await using var api = await ApiHost.StartAsync(await server.CreateOwnedAsync(Token), ("ASPNETCORE_ENVIRONMENT", "Production"));
        var endpoints = api.Services.GetRequiredService<EndpointDataSource>().Endpoints;

        var written = endpoints.OfType<RouteEndpoint>().Where(route => route.RoutePattern.RawText!.StartsWith("/api/admin", StringComparison.Ordinal)
            && route.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Any(method => method != "GET"));
        Assert.Equal(
            [
                "/api/admin/notifications/{notificationId}/discard", "/api/admin/notifications/{notificationId}/replay",
                "/api/admin/notifications/replay-dead-letters",
                "/api/admin/points/config/{key}", "/api/admin/points/reconciliation/all", "/api/admin/points/reconciliation/members/{memberId}",
                "/api/admin/webhooks/{name}", "/api/admin/webhooks/{name}", "/api/admin/webhooks/{name}/deliveries/{deliveryId}/replay",
                "/api/admin/webhooks/{name}/disable", "/api/admin/webhooks/{name}/enable", "/api/admin/webhooks/{name}/replay-dead-letters",
                "/api/admin/webhooks/{name}/rotate-secret", "/api/admin/webhooks/{name}/test",
            ],
            written.Select(route => route.RoutePattern.RawText).Order());
        Assert.DoesNotContain(endpoints, AuditedEndpoints.IsUnaudited);
    }

    [Theory]
    [InlineData("/api/admin/forgotten", HttpStatusCode.InternalServerError, false)]
    [InlineData("/api/elsewhere", HttpStatusCode.InternalServerError, false)]
    [InlineData("/api/approvals", HttpStatusCode.InternalServerError, false)]
    [InlineData("/api/admin/any", HttpStatusCode.InternalServerError, false)]
    [InlineData("/api/points", HttpStatusCode.OK, true)]
    [InlineData("/api/admin/group/silent", HttpStatusCode.InternalServerError, true)]
    [InlineData("/api/admin/group/refused", HttpStatusCode.Conflict, true)]
    [InlineData("/api/admin/group/problem", HttpStatusCode.BadRequest, true)]
    [InlineData("/api/admin/group/entered", HttpStatusCode.OK, true)]
    public async Task Post_ToAnAdminEndpoint_SucceedsOnlyWithAnEntry(string path, HttpStatusCode status, bool isExecuted)
    {
        var executed = 0;
        IResult Done()
        {
            executed++;
            return TypedResults.Ok();
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var authorization = builder.Services.AddAuthorizationBuilder();
        foreach (var right in Rights.All)
        {
            authorization.AddPolicy(right, policy => policy.RequireAssertion(_ => true));
        }

        await using var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.UseAuthorization();
        app.UseAudit();
        app.MapPost("/api/admin/forgotten", Done);
        app.MapPost("/api/elsewhere", Done).RequireAuthorization(Rights.Admin);
        app.MapPost("/api/approvals", Done).RequireAuthorization(Rights.Approve);
        app.Map("/api/admin/any", Done);
        app.MapPost("/api/points", Done).RequireAuthorization(Rights.Write);
        var group = app.MapAdmin("/api/admin/group");
        group.MapPost("/silent", Done);
        group.MapPost("/refused", () =>
        {
            executed++;
            return TypedResults.StatusCode(409);
        });
        group.MapPost("/problem", () =>
        {
            executed++;
            return Problems.Invalid("field", "field is required.");
        });
        group.MapPost("/entered", (HttpContext http) =>
        {
            http.AuditOrigin().AccountFor();
            return Done();
        });
        await app.StartAsync(Token);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(app.Urls.Single()) };

        using var answer = await client.PostAsync(new Uri(path, UriKind.Relative), null, Token);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(isExecuted ? 1 : 0, executed);
    }
}
