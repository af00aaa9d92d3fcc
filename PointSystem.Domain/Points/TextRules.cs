using System.Buffers;
using System.Text;

namespace PointSystem.Domain.Points;

/// <summary>The rules for every stored text that comes from a caller.</summary>
/// <remarks>
/// A length counts Unicode characters (code points) after normalization, like the database. Control characters would garble logs, and
/// direction overrides make a text look different from what it is.
/// </remarks>
public static class TextRules
{
    // Unicode's Default_Ignorable_Code_Point (not displayed), and the annotation marks, which are invisible too.
    private static readonly (int First, int Last)[] Invisible =
    [
        (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E),
        (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ];

    /// <summary>The text in normalization form C, so that texts that look the same are equal; null when it is not valid Unicode.</summary>
    public static string? Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return IsUnicode(text) ? text.Normalize(NormalizationForm.FormC) : null;
    }

    /// <summary>True for a text without visible characters: empty, white space, or invisible characters only.</summary>
    public static bool IsBlank(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (var rune in text.EnumerateRunes())
        {
            // The braille pattern without dots looks blank, although Unicode does not classify it so.
            if (!Rune.IsWhiteSpace(rune) && !Rune.IsControl(rune) && !IsInvisible(rune) && rune.Value != 0x2800)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Returns the rule that a normalized text violates, as the end of a sentence that starts with "must"; null when it violates none.
    /// </summary>
    /// <param name="text">See <see cref="Normalize"/>.</param>
    /// <param name="lengthMax">Maximum length in characters.</param>
    /// <param name="isIdentifier">The text is compared with others: two texts must not differ in invisible characters only.</param>
    public static string? FindFault(string text, int lengthMax, bool isIdentifier)
    {
        ArgumentNullException.ThrowIfNull(text);

        // A character is at most two UTF-16 units, so a longer text need not be counted.
        if (text.Length > 2 * lengthMax || text.EnumerateRunes().Count() > lengthMax)
        {
            return $"have at most {lengthMax} characters";
        }

        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029)
            {
                return "not contain control characters";
            }

            if (rune.Value is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069))
            {
                return $"not contain characters that change the direction of writing, such as U+{rune.Value:X4}";
            }

            if (isIdentifier && IsInvisible(rune))
            {
                return $"not contain invisible characters, such as U+{rune.Value:X4}";
            }
        }

        return null;
    }

    private static bool IsInvisible(Rune rune) =>
        rune.Value >= Invisible[0].First && Array.Exists(Invisible, range => rune.Value >= range.First && rune.Value <= range.Last);

    /// <summary>False for half a surrogate pair: databases reject it, so it must be refused earlier.</summary>
    private static bool IsUnicode(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out var length) != OperationStatus.Done)
            {
                return false;
            }

            text = text[length..];
        }

        return true;
    }
}
