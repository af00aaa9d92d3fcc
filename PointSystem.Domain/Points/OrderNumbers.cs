using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

/// <summary>The rules of order numbers: <see cref="TextRules"/>, at most 100 characters, at least one visible and none invisible.</summary>
public static class OrderNumbers
{
    /// <summary>Maximum length of an order number, in Unicode characters.</summary>
    public const int LengthMax = 100;

    /// <summary>Returns why the text is not a valid order number; null when it is valid.</summary>
    /// <param name="text">The text as sent.</param>
    /// <param name="orderNumber">The order number as stored and compared: in normalization form C. Empty if invalid.</param>
    public static PointError? Check(string? text, out string orderNumber)
    {
        orderNumber = "";
        if (string.IsNullOrWhiteSpace(text))
        {
            return PointErrors.InvalidOrderNumber("orderNumber is required and must not be blank.");
        }

        if (TextRules.Normalize(text) is not { } normalized)
        {
            return PointErrors.InvalidOrderNumber("orderNumber must be valid Unicode text.");
        }

        if (TextRules.IsBlank(normalized))
        {
            return PointErrors.InvalidOrderNumber("orderNumber must have at least one visible character.");
        }

        if (TextRules.FindFault(normalized, LengthMax, isIdentifier: true) is { } rule)
        {
            return PointErrors.InvalidOrderNumber($"orderNumber must {rule}.");
        }

        orderNumber = normalized;
        return null;
    }
}
