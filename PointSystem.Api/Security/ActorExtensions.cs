using System.Security.Claims;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Security;

internal static class ActorExtensions
{
    private const string Anonymous = "anonymous";

    /// <summary>The actor that the ledger records: the subject of the token, or "anonymous" without a token.</summary>
    public static string Actor(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        var subject = user.Identity?.IsAuthenticated == true ? user.FindFirstValue(AuthPolicies.SubjectClaim) : null;
        if (string.IsNullOrWhiteSpace(subject))
        {
            return Anonymous;
        }

        // Any subject is accepted, but it must fit the column, and Postgres stores neither NUL nor unpaired surrogates.
        var text = string.Concat(subject.EnumerateRunes().Where(rune => !System.Text.Rune.IsControl(rune)).Take(Lengths.Actor));
        return text.Length == 0 ? Anonymous : text;
    }

    /// <summary>Whether the request has a valid token with the admin role.</summary>
    public static bool IsAdmin(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return user.Identity?.IsAuthenticated == true && user.IsInRole(AuthPolicies.AdminRole);
    }
}
