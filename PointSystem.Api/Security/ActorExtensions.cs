using System.Security.Claims;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Security;

internal static class ActorExtensions
{
    private const string Anonymous = "anonymous";

    /// <summary>Who asks, as the ledger records it: the token's subject, or "anonymous" without a token.</summary>
    public static string Actor(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        var subject = user.Identity?.IsAuthenticated == true ? user.FindFirstValue(AuthPolicies.SubjectClaim) : null;
        if (string.IsNullOrWhiteSpace(subject))
        {
            return Anonymous;
        }

        // What an issuer puts there is not ours to refuse, but it must fit the column, and Postgres stores neither NUL nor half a
        // surrogate pair.
        var text = string.Concat(subject.EnumerateRunes().Where(rune => !System.Text.Rune.IsControl(rune)).Take(Lengths.Actor));
        return text.Length == 0 ? Anonymous : text;
    }

    /// <summary>True with a valid token that has the admin role.</summary>
    public static bool IsAdmin(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return user.Identity?.IsAuthenticated == true && user.IsInRole(AuthPolicies.AdminRole);
    }
}
