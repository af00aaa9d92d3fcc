using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Security;

/// <summary>What an endpoint requires: a right of <see cref="Rights"/>.</summary>
internal sealed record AccessRequirement(string Right) : IAuthorizationRequirement;

/// <summary>Marks the endpoint that uses points: a member's token may allow it (<see cref="AuthOptions.MembersMayUse"/>).</summary>
internal sealed class MemberUse;

/// <summary>Marks an endpoint that changes what belongs to the member in its path alone: that member's token allows it.</summary>
internal sealed class MemberOwned;

/// <summary>Decides who may do what; docs/access.md has the table.</summary>
internal sealed partial class PointAccess(IOptions<AuthOptions> options, IHostEnvironment environment, ILogger<PointAccess> logger)
    : AuthorizationHandler<AccessRequirement>
{
    private readonly AuthOptions _auth = options.Value;

    private bool IsOpen => _auth.AllowAnonymous ?? environment.IsDevelopment();

    /// <summary>Says at each start that nobody needs a token.</summary>
    public void SayIfOpen()
    {
        if (IsOpen)
        {
            LogOpen(logger, environment.IsDevelopment() ? LogLevel.Information : LogLevel.Warning, environment.EnvironmentName);
        }
    }

    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, AccessRequirement requirement)
    {
        if (context.User.Has(Rights.Admin) || (requirement.Right is not Rights.Admin && IsAllowed(context, requirement.Right)))
        {
            context.Succeed(requirement);
        }

        return Task.CompletedTask;
    }

    private bool IsAllowed(AuthorizationHandlerContext context, string right)
    {
        var http = context.Resource as HttpContext;
        return context.User.Member() is { } member
            ? http is not null && IsAllowed(http, right, member)
            : context.User.Has(right)
              || (IsOpen && (right is Rights.Read or Rights.Write))
              || (right == Rights.Write && http is not null && IsUse(http) && OwnRequests.Contain(http));
    }

    // What a member's token allows. The member in the body of a use is checked when it has been read.
    private bool IsAllowed(HttpContext http, string right, long member) => right switch
    {
        Rights.Read => MemberOf(http) == member,
        Rights.Write => (_auth.MembersMayUse && IsUse(http)) || (IsOwned(http) && MemberOf(http) == member),
        _ => false,
    };

    private static bool IsUse(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<MemberUse>() is not null;

    private static bool IsOwned(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<MemberOwned>() is not null;

    /// <summary>The member whom a request is about, from its path.</summary>
    private static long? MemberOf(HttpContext http) =>
        http.GetRouteValue("memberId") is string id && long.TryParse(id, out var member) ? member
        : http.GetRouteValue("pointKey") is string text && PointKey.TryParse(text, out var key) ? key.MemberId
        : null;

    [LoggerMessage(EventId = 1501, Message = "Points can be read and written without a token (Auth:AllowAnonymous, environment {Environment})")]
    private static partial void LogOpen(ILogger logger, LogLevel level, string environment);
}
