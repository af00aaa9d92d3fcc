namespace PointSystem.Api.Security;

/// <summary>Names of roles, claims and authorization policies.</summary>
internal static class AuthPolicies
{
    /// <summary>Needs a token with the admin role: everything under /api/admin.</summary>
    public const string Admin = "admin";

    /// <summary>The role that administrators have.</summary>
    public const string AdminRole = "admin";

    public const string RoleClaim = "role";

    public const string SubjectClaim = "sub";
}
