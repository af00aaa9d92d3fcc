using System.Security.Claims;

namespace PointSystem.Api.Security;

/// <summary>What a token may allow. The same names stand in tokens, and name the authorization policies.</summary>
internal static class Rights
{
    /// <summary>Reads of any member's points.</summary>
    public const string Read = "points:read";

    /// <summary>Writes of any member's points.</summary>
    public const string Write = "points:write";

    /// <summary>The feed of events, which shows the points of all members.</summary>
    public const string Events = "points:events";

    /// <summary>Everything, also what is under /api/admin, and manual grants.</summary>
    public const string Admin = "points:admin";

    /// <summary>For what needs a second person. Nothing needs it yet.</summary>
    public const string Approve = "points:approve";

    /// <summary>The role that gives <see cref="Admin"/> in tokens of <see cref="TokenLayout.Plain"/>.</summary>
    public const string AdminRole = "admin";

    public static IReadOnlyList<string> All { get; } = [Read, Write, Events, Admin, Approve];

    /// <summary>Whether the token has the right itself.</summary>
    public static bool Has(this ClaimsPrincipal user, string right) => user.Identity?.IsAuthenticated == true && user.IsInRole(right);

    /// <summary>Whether the token belongs to another member than this one: such tokens allow nothing with other members.</summary>
    public static bool IsOfAnotherMember(this ClaimsPrincipal user, long memberId) =>
        user.Member() is { } own && own != memberId && !user.Has(Admin);
}
