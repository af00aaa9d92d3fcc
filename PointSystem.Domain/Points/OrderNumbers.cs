using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

/// <summary>The rules of order numbers: <see cref="TextRules"/>, at most 100 characters, something to see, nothing invisible.</summary>
public static class OrderNumbers
{
    /// <summary>Maximum length of an order number, in Unicode characters.</summary>
    public const int LengthMax = 100;

    /// <summary>The reason why this is not an order number; null when it is one.</summary>
    /// <param name="text">As it was sent.</param>
    /// <param name="orderNumber">As it is kept and compared: in normalization form C. Empty when it is none.</param>
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
