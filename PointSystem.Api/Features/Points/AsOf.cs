using System.Diagnostics.CodeAnalysis;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Features.Points;

/// <summary>The query parameter <c>asOf</c>.</summary>
internal static class AsOf
{
    /// <summary>
    /// Reads an instant, or a date, which means the end of that business day. The moment is null (now) if there is no text or it is
    /// today's date.
    /// </summary>
    public static bool TryRead(
        string? text, BusinessMoment now, TimeZoneInfo zone, out PastMoment? moment, [NotNullWhen(false)] out IResult? problem)
    {
        moment = null;
        problem = null;
        if (text is null)
        {
            return true;
        }

        if (PastMoment.TryReadDate(text, out var date))
        {
            if (date < now.Today)
            {
                moment = PastMoment.EndOf(date, zone);
            }

            problem = date > now.Today ? InTheFuture($"today is {now.Today:yyyy-MM-dd}") : null;
            return problem is null;
        }

        if (!PastMoment.TryReadInstant(text, out var instant))
        {
            problem = Problems.Invalid(
                "asOf",
                "asOf must be an RFC 3339 instant with offset, such as 2026-03-01T09:00:00+09:00 or 2026-03-01T00:00:00Z, or a date such as 2026-03-01.");
            return false;
        }

        var cut = PastMoment.Of(instant, zone);
        problem = cut.At > now.Now ? InTheFuture($"now is {now.Now:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'}") : null;
        moment = cut;
        return problem is null;
    }

    private static ProblemResult InTheFuture(string now) => Problems.Invalid("asOf", $"asOf must not be in the future; {now}.");
}
