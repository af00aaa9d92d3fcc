using System.Globalization;
using System.Security.Claims;
using System.Text;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Security;

internal static class ActorExtensions
{
    private const string Anonymous = "anonymous";

    /// <summary>The actor that the ledger records: the subject of the token, or "anonymous" without a token.</summary>
    public static string Actor(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        var subject = user.Subject();
        if (string.IsNullOrWhiteSpace(subject))
        {
            return Anonymous;
        }

        // Any subject is accepted, but it must fit the column, and Postgres stores neither NUL nor unpaired surrogates.
        // Direction characters would let one subject look like another.
        var text = string.Concat(subject.EnumerateRunes()
            .Where(rune => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate))
            .Take(Lengths.Actor));
        return text.Length == 0 ? Anonymous : text;
    }
}
