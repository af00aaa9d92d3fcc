using System.Buffers;
using System.Text;
using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

/// <summary>The rule of order numbers: non-blank, at most 100 characters, no control characters, no half surrogate pairs.</summary>
public static class OrderNumbers
{
    /// <summary>Longest order number, in Unicode characters.</summary>
    public const int LengthMax = 100;

    /// <summary>The reason why this is not an order number; null when it is one.</summary>
    public static PointError? Check(string? orderNumber)
    {
        if (string.IsNullOrWhiteSpace(orderNumber))
        {
            return PointErrors.InvalidOrderNumber("orderNumber is required and must not be blank.");
        }

        // A UTF-16 unit is at least half a character, so a text of more units than this need not be counted.
        if (orderNumber.Length > 2 * LengthMax || orderNumber.EnumerateRunes().Count() > LengthMax)
        {
            return PointErrors.InvalidOrderNumber($"orderNumber must have at most {LengthMax} characters.");
        }

        if (orderNumber.Any(char.IsControl))
        {
            return PointErrors.InvalidOrderNumber("orderNumber must not contain control characters.");
        }

        return IsUnicode(orderNumber) ? null : PointErrors.InvalidOrderNumber("orderNumber must be valid Unicode text.");
    }

    /// <summary>False for half a surrogate pair: no database takes it, so it must not get that far.</summary>
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
