using Microsoft.AspNetCore.Authorization;
using PointSystem.Api.Http;
using PointSystem.Api.Security;

namespace PointSystem.Api.Features.Audit;

/// <summary>
/// The one way to map what administrators may do. An endpoint that is not read-only must have made its entry in the audit when it succeeds, and one
/// that is mapped in another way is not executed.
/// </summary>
internal static class AuditedEndpoints
{
    private const string AdminPath = "api/admin";

    /// <summary>Maps a group of endpoints that need the right to administer, or another one, and whose actions are audited.</summary>
    public static RouteGroupBuilder MapAdmin(this IEndpointRouteBuilder app, string prefix, string right = Rights.Admin)
    {
        var group = app.MapGroup(prefix).RequireAuthorization(right).WithMetadata(new Audited());
        group.AddEndpointFilter(CheckAsync);
        return group;
    }

    /// <summary>Refuses to execute an endpoint of administrators that could act without an entry in the audit.</summary>
    public static void UseAudit(this WebApplication app) => app.Use(static (http, next) =>
        http.GetEndpoint() is { } endpoint && IsUnaudited(endpoint)
            ? throw new InvalidOperationException($"{endpoint.DisplayName} is for administrators, but is not audited: map it in a group of {nameof(MapAdmin)}.")
            : next(http));

    /// <summary>Whether an endpoint is for administrators or approvers alone, is not read-only, and is not audited.</summary>
    public static bool IsUnaudited(Endpoint endpoint) =>
        // Asked for every request, so what tells most endpoints apart comes first.
        endpoint.Metadata.GetMetadata<Audited>() is null && IsForAdmins(endpoint) && MayWrite(endpoint);

    private static bool IsForAdmins(Endpoint endpoint) =>
        (endpoint is RouteEndpoint { RoutePattern.RawText: { } path }
            && path.AsSpan().TrimStart('/').StartsWith(AdminPath, StringComparison.OrdinalIgnoreCase))
        || endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(needed => needed.Policy is Rights.Admin or Rights.Approve);

    private static bool MayWrite(Endpoint endpoint)
    {
        var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [];
        return methods.Count == 0 || methods.Any(IsWrite);
    }

    private static bool IsWrite(string method) => !(HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method));

    private static async ValueTask<object?> CheckAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var http = invocation.HttpContext;
        var result = await next(invocation);
        if (IsWrite(http.Request.Method)
            && !http.AuditOrigin().IsAccountedFor
            && result is not (IStatusCodeHttpResult { StatusCode: >= 400 } or CommandOutcomeResult { IsReplay: true }))
        {
            throw new InvalidOperationException($"{http.GetEndpoint()?.DisplayName} has succeeded without an entry in the audit.");
        }

        return result;
    }

    private sealed class Audited;
}
