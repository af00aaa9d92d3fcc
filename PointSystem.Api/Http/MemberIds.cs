using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace PointSystem.Api.Http;

/// <summary>
/// Member ids in routes and queries. Routes take them as text, so that an invalid one gets a problem with a sentence instead of routing's
/// 404.
/// </summary>
internal static class MemberIds
{
    /// <summary>Reads a member id, 1 … 2^63-1, in digits.</summary>
    public static bool TryRead(string text, string field, out long id, [NotNullWhen(false)] out IResult? problem)
    {
        problem = null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id >= 1)
        {
            return true;
        }

        id = 0;
        var isNumber = text.Length > 0 && text.All(char.IsAsciiDigit);
        problem = Problems.Invalid(field, (isNumber, text.Trim('0').Length) switch
        {
            (true, 0) => $"{field} must be at least 1.",
            (true, _) => $"{field} must be at most {long.MaxValue}.",
            _ => $"{field} must be a whole number from 1 to {long.MaxValue}, digits only.",
        });
        return false;
    }
}
