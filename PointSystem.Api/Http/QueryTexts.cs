using System.Diagnostics.CodeAnalysis;

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
}
