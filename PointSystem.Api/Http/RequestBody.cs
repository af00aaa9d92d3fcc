using System.Globalization;
using System.Text.Json;
using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Http;

/// <summary>
/// A JSON body, read field by field: each invalid field gets its own sentence, and all of them are reported together. A field that is not
/// read is unknown and refused: a misspelt amount must not count as no amount. Read all fields first, then return <see cref="Problem"/>
/// if there is one; the values of invalid fields are placeholders.
/// </summary>
internal sealed partial class RequestBody
{
    private const int UnknownMax = 10;

    private readonly Dictionary<string, JsonField> _fields;
    private readonly List<string> _known = [];
    private Dictionary<string, string[]>? _errors;
    private bool _amountAtFault;
    private bool _orderNumberAtFault;

    private RequestBody(Dictionary<string, JsonField> fields) => _fields = fields;

    /// <summary>
    /// Null if all fields are valid and none is unknown, otherwise the 400 with a sentence for each invalid one.
    /// </summary>
    public IResult? Problem
    {
        get
        {
            foreach (var unknown in _fields.Keys.Except(_known).Take(UnknownMax))
            {
                AddError(Spelling.Shorten(unknown, "field"), Spelling.Describe(unknown, "field", _known));
            }

            return _errors is null
                ? null
                : Problems.Invalid(
                    _amountAtFault ? PointErrorCodes.InvalidAmount
                        : _orderNumberAtFault ? PointErrorCodes.InvalidOrderNumber
                        : PointErrorCodes.InvalidRequest,
                    _errors);
        }
    }

    /// <summary>Adds an error that the caller found, e.g. between two fields. Only the first error of a field is kept.</summary>
    /// <param name="field">The name of the field in JSON.</param>
    /// <param name="sentence">A sentence that names the field and the rule.</param>
    public void AddError(string field, string sentence) => (_errors ??= new(StringComparer.Ordinal)).TryAdd(field, [sentence]);

    /// <summary>A member id, 1 … 2^63-1.</summary>
    public long MemberId(string field) => Whole(field, 1, long.MaxValue) ?? 1;

    /// <summary>An amount of points, 1 … 2^63-1; the domain checks the limits of the policy.</summary>
    public long Amount(string field) => TrackAmount(field, Whole(field, 1, long.MaxValue)) ?? 1;

    /// <summary>As <see cref="Amount"/>; null if it is missing or null.</summary>
    public long? OptionalAmount(string field) => IsAbsent(field) ? null : Amount(field);

    /// <summary>A 32-bit whole number; null if it is missing or null.</summary>
    public int? OptionalInt(string field) => IsAbsent(field) ? null : (int?)Whole(field, int.MinValue, int.MaxValue);

    /// <summary>A JSON boolean; false if it is missing or null.</summary>
    public bool OptionalFlag(string field)
    {
        if (!IsAbsent(field) && _fields[field].Kind is not (JsonTokenType.True or JsonTokenType.False))
        {
            AddError(field, $"{field} must be true or false.");
        }

        return _fields.TryGetValue(field, out var value) && value.Kind == JsonTokenType.True;
    }

    /// <summary>An order number by the rules of <see cref="OrderNumbers"/>, normalized.</summary>
    public string OrderNumber(string field)
    {
        var text = IsAbsent(field) ? null : ReadText(field);
        var orderNumber = "";
        if (text is null && HasError(field))
        {
            _orderNumberAtFault = true;
        }
        else if (OrderNumbers.Check(text, out orderNumber) is { } error)
        {
            _orderNumberAtFault = true;
            AddError(field, error.Message);
        }

        return orderNumber;
    }

    /// <summary>A text by the rules of <see cref="TextRules"/>, normalized; null if it is missing, null or blank.</summary>
    /// <param name="field">The name of the field in JSON.</param>
    /// <param name="lengthMax">Maximum length in characters.</param>
    public string? OptionalText(string field, int lengthMax)
    {
        var text = IsAbsent(field) ? null : ReadText(field);

        // The JSON reader returns only valid Unicode, so normalization cannot fail.
        if (text is null || TextRules.Normalize(text) is not { } normalized)
        {
            return null;
        }

        if (TextRules.FindFault(normalized, lengthMax, isIdentifier: false) is { } rule)
        {
            AddError(field, $"{field} must {rule}.");
        }

        return TextRules.IsBlank(normalized) ? null : normalized;
    }

    /// <summary>As <see cref="OptionalText"/>, but required and not blank.</summary>
    public string Text(string field, int lengthMax)
    {
        var text = OptionalText(field, lengthMax);
        if (text is null && !HasError(field))
        {
            AddError(field, $"{field} is required and must not be blank.");
        }

        return text ?? "";
    }

    /// <summary>An array of texts, each one of <paramref name="allowed"/>, without repetition; empty if it is missing or null.</summary>
    public IReadOnlyList<string> OptionalTexts(string field, IReadOnlyList<string> allowed)
    {
        if (IsAbsent(field))
        {
            return [];
        }

        if (_fields[field].Kind != JsonTokenType.StartArray)
        {
            AddError(field, $"{field} must be an array of strings, not {NameOf(_fields[field].Kind)}.");
        }
        else if (_fields[field].Items is not { } items || items.Except(allowed, StringComparer.Ordinal).Any())
        {
            AddError(field, $"Each item of {field} must be one of {string.Join(", ", allowed)}.");
        }
        else if (items.Distinct(StringComparer.Ordinal).Count() < items.Count)
        {
            AddError(field, $"{field} must not have an item twice.");
        }
        else
        {
            return items;
        }

        return [];
    }

    /// <summary>A text, or a whole number, which is read as the text of its digits.</summary>
    public string TextOrInteger(string field, int lengthMax)
    {
        if (IsAbsent(field) || _fields[field] is not { Kind: JsonTokenType.Number } value)
        {
            return Text(field, lengthMax);
        }

        if (!IsPlainInteger(value.Text!))
        {
            AddError(field, $"{field} must be a whole number written without fraction or exponent, or a string.");
        }
        else if (value.Text!.Length > lengthMax)
        {
            AddError(field, $"{field} must have at most {lengthMax} characters.");
        }

        return value.Text!;
    }

    /// <summary>
    /// A whole number from <paramref name="min"/> to <paramref name="max"/>; otherwise adds an error and returns null.
    /// </summary>
    private long? Whole(string field, long min, long max)
    {
        if (IsAbsent(field))
        {
            AddError(field, _fields.ContainsKey(field) ? $"{field} is required and must not be null." : $"{field} is required.");
            return null;
        }

        var value = _fields[field];
        if (value.Kind != JsonTokenType.Number)
        {
            AddError(field, $"{field} must be a number, not {NameOf(value.Kind)}.");
            return null;
        }

        if (!IsPlainInteger(value.Text!))
        {
            AddError(field, $"{field} must be a whole number written without fraction or exponent.");
            return null;
        }

        // A number outside of 64 bits fails to parse; its sign shows which bound it exceeds.
        var negative = value.Text![0] == '-';
        if (!long.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            AddError(field, Bound(field, negative, min, max));
            return null;
        }

        if (number < min || number > max)
        {
            AddError(field, Bound(field, number < min, min, max));
            return null;
        }

        return number;
    }

    private static string Bound(string field, bool below, long min, long max) =>
        below ? $"{field} must be at least {min}." : $"{field} must be at most {max}.";

    private static bool IsPlainInteger(string digits) => digits.AsSpan().IndexOfAny('.', 'e', 'E') < 0;

    private string? ReadText(string field)
    {
        var value = _fields[field];
        if (value.Kind != JsonTokenType.String)
        {
            AddError(field, $"{field} must be a string, not {NameOf(value.Kind)}.");
        }
        else if (value.Text is null)
        {
            AddError(field, $"{field} must be valid Unicode text.");
        }

        return value.Kind == JsonTokenType.String ? value.Text : null;
    }

    private long? TrackAmount(string field, long? amount)
    {
        _amountAtFault |= HasError(field);
        return amount;
    }

    private bool HasError(string field) => _errors?.ContainsKey(field) == true;

    private bool IsAbsent(string field)
    {
        if (!_known.Contains(field))
        {
            _known.Add(field);
        }

        return !_fields.TryGetValue(field, out var value) || value.Kind == JsonTokenType.Null;
    }

    private static string NameOf(JsonTokenType kind) => kind switch
    {
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.StartObject => "an object",
        _ => "null",
    };
}
