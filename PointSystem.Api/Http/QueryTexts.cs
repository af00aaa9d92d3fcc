using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace PointSystem.Api.Http;

/// <summary>Query parameters that may occur at most once.</summary>
internal static class QueryTexts
{
    /// <summary>Reads a parameter; null if it is missing.</summary>
    public static bool TryRead(HttpContext http, string name, out string? text, [NotNullWhen(false)] out IResult? problem)
    {
        var values = http.Request.Query[name];
        text = values.Count == 0 ? null : values[0] ?? "";
        problem = values.Count > 1 ? Problems.Invalid(name, $"{name} must be given at most once.") : null;
        return problem is null;
    }

    /// <summary>Reads a number from 1 to <paramref name="max"/>, in digits.</summary>
    /// <param name="http">The request.</param>
    /// <param name="name">The name of the parameter.</param>
    /// <param name="fallback">The number if it is missing.</param>
    /// <param name="max">The maximum.</param>
    /// <param name="count">The number.</param>
    /// <param name="problem">The problem, if it is not valid.</param>
    public static bool TryReadCount(HttpContext http, string name, int fallback, int max, out int count, [NotNullWhen(false)] out IResult? problem)
    {
        count = fallback;
        problem = !http.Request.Query.TryGetValue(name, out var values)
            || (values.Count == 1 && int.TryParse(values[0], NumberStyles.None, CultureInfo.InvariantCulture, out count) && count >= 1 && count <= max)
            ? null
            : Problems.Invalid(name, string.Create(CultureInfo.InvariantCulture, $"{name} must be a whole number from 1 to {max}."));
        return problem is null;
    }
}
