namespace PointSystem.Api.Http;

/// <summary>Sentences about unknown names, with the most similar known name.</summary>
internal static class Spelling
{
    private const int NameLengthMax = 50;

    /// <summary>The name as shown in a sentence: a long name is replaced by its sort.</summary>
    public static string Shorten(string name, string sort) =>
        string.IsNullOrWhiteSpace(name) ? $"a {sort} without a name" : name.Length <= NameLengthMax ? name : $"a {sort}";

    /// <summary>A sentence about an unknown name, with the most similar known name, or all known names if none is similar.</summary>
    /// <param name="name">The unknown name.</param>
    /// <param name="sort">"field" or "parameter".</param>
    /// <param name="known">The known names.</param>
    public static string Describe(string name, string sort, IReadOnlyCollection<string> known)
    {
        var nearest = known.Where(_ => name.Length <= NameLengthMax)
            .Select(other => (Name: other, Distance: Distance(name, other)))
            .Where(other => other.Distance <= Math.Max(2, name.Length / 3))
            .OrderBy(other => other.Distance)
            .Select(other => other.Name)
            .FirstOrDefault();
        var rest = nearest is not null ? $"the nearest {sort} is {nearest}"
            : known.Count > 0 ? $"the {sort}s are {string.Join(", ", known)}"
            : $"there are no {sort}s";
        return $"{Shorten(name, sort)} is unknown here; {rest}.";
    }

    /// <summary>The edit distance, ignoring case: letters inserted, deleted, replaced or swapped with their neighbour.</summary>
    private static int Distance(string one, string other)
    {
        var rows = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
        {
            for (var j = 0; j <= other.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    rows[i, j] = i + j;
                    continue;
                }

                var replaced = rows[i - 1, j - 1] + (AreSame(one[i - 1], other[j - 1]) ? 0 : 1);
                rows[i, j] = Math.Min(replaced, 1 + Math.Min(rows[i - 1, j], rows[i, j - 1]));
                if (i > 1 && j > 1 && AreSame(one[i - 1], other[j - 2]) && AreSame(one[i - 2], other[j - 1]))
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[one.Length, other.Length];
    }

    private static bool AreSame(char one, char other) => char.ToUpperInvariant(one) == char.ToUpperInvariant(other);
}
