using System.Diagnostics.CodeAnalysis;
using PointSystem.Domain.Points;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>Point keys in routes.</summary>
internal static class PointKeys
{
    /// <summary>
    /// Reads a key. Text that cannot be a key: 400. A key that was not issued here, or of another type: the 404 of the expected type.
    /// </summary>
    public static bool TryRead(string text, PointKeyType expected, out PointKey key, [NotNullWhen(false)] out IResult? problem)
    {
        problem = null;
        if (!PointKey.IsWellFormed(text))
        {
            key = default;
            problem = Problems.Invalid("pointKey", "pointKey must have 1 to 100 characters, each a letter A-Z or a-z, a digit, '-' or '_'.");
            return false;
        }

        if (!PointKey.TryParse(text, out key))
        {
            problem = NotFound(expected, text).ToProblem();
            return false;
        }

        if (key.Type != expected)
        {
            problem = (NotFound(expected, text) with
            {
                Message = $"'{text}' is the key of {NameOf(key.Type)}; the key of {NameOf(expected)} is required here.",
            }).ToProblem();
            return false;
        }

        return true;
    }

    private static PointError NotFound(PointKeyType expected, string text) => expected switch
    {
        PointKeyType.Accumulation => PointErrors.AccumulationNotFound(text),
        PointKeyType.Usage => PointErrors.UsageNotFound(text),
        _ => new PointError(ProblemCodes.NotFound, PointErrorKind.NotFound, $"There is no {expected.ToString().ToLowerInvariant()} with the key '{text}'."),
    };

    private static string NameOf(PointKeyType type) => type switch
    {
        PointKeyType.Accumulation => "an accumulation",
        PointKeyType.Usage => "a usage",
        PointKeyType.Cancellation => "a cancellation",
        PointKeyType.Transfer => "a transfer",
        _ => "something else",
    };
}
