using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Api.Http;

/// <summary>The query parameters <c>size</c> and <c>cursor</c> of lists; <see cref="Cursor"/> defines the content of a cursor.</summary>
internal static class Paging
{
    /// <summary>Name of the parameter for the number of rows per page.</summary>
    public const string SizeParameter = "size";

    /// <summary>Name of the parameter for the start of a page.</summary>
    public const string CursorParameter = "cursor";

    /// <summary>Default number of rows per page.</summary>
    public const int SizeDefault = 20;

    /// <summary>Maximum number of rows per page.</summary>
    public const int SizeMax = 100;

    /// <summary>Reads <c>size</c>, 1 … 100.</summary>
    public static bool TryReadSize(HttpContext http, out int size, [NotNullWhen(false)] out IResult? problem, int sizeDefault = SizeDefault) =>
        QueryTexts.TryReadCount(http, SizeParameter, sizeDefault, SizeMax, out size, out problem);

    /// <summary>Reads <c>cursor</c> of a list whose position is one number.</summary>
    /// <param name="http">The request.</param>
    /// <param name="list">The name of the list, as in <see cref="Cursor.Write"/>.</param>
    /// <param name="start">The position before the first page.</param>
    /// <param name="position">The position after which the page starts.</param>
    /// <param name="problem">The problem, if the cursor is not valid.</param>
    public static bool TryReadPosition(HttpContext http, string list, long start, out long position, [NotNullWhen(false)] out IResult? problem)
    {
        position = start;
        if (!QueryTexts.TryRead(http, CursorParameter, out var text, out problem) || text is null)
        {
            return problem is null;
        }

        Span<long> parts = stackalloc long[1];
        problem = Cursor.TryRead(list, text, parts) ? null : InvalidCursor();
        position = parts[0];
        return problem is null;
    }

    /// <summary>400 for a cursor that does not belong to this list.</summary>
    public static ProblemResult InvalidCursor() =>
        Problems.Invalid(
            CursorParameter, $"{CursorParameter} must be the nextCursor of an earlier page of the same list, with the same filters, unchanged.");
}
