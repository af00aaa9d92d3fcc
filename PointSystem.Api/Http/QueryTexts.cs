using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Api.Http;

/// <summary>Query parameters that may be given once.</summary>
internal static class QueryTexts
{
    /// <summary>Reads a parameter; null when it is not there.</summary>
    public static bool TryRead(HttpContext http, string name, out string? text, [NotNullWhen(false)] out IResult? problem)
    {
        var values = http.Request.Query[name];
        text = values.Count == 0 ? null : values[0] ?? "";
        problem = values.Count > 1 ? Problems.Invalid(name, $"{name} must be given once.") : null;
        return problem is null;
    }
}
