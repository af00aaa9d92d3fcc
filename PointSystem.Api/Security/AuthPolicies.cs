namespace PointSystem.Api.Security;

/// <summary>Names of roles, claims and authorization policies.</summary>
internal static class AuthPolicies
{
    /// <summary>The policy of all endpoints under /api/admin: requires a token with the admin role.</summary>
    public const string Admin = "admin";

    /// <summary>The role of administrators.</summary>
    public const string AdminRole = "admin";

    public const string RoleClaim = "role";

    public const string SubjectClaim = "sub";
}
