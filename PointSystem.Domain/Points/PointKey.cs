using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Domain.Points;

/// <summary>What a point key names.</summary>
public enum PointKeyType
{
    Accumulation,
    Usage,
    Cancellation,
    Transfer,
}

/// <summary>
/// The public id of an accumulation, a usage, a cancellation or a transfer: a prefix for the type, then base64url of the member id and
/// 128 random bits, e.g. <c>acc_A-mOFZ3PqvN0oGZMvnBBtYo</c>.
/// </summary>
/// <remarks>
/// The member id in the key identifies the wallet row to lock, and later the shard, before anything is read. It is a routing hint, not a
/// proof; nothing exists for a key unless a row contains the whole key. The random bits make keys impossible to guess.
/// </remarks>
public readonly record struct PointKey : IFormattable
{
    /// <summary>Number of random bytes in every key.</summary>
    public const int EntropyBytes = 16;

    /// <summary>Maximum length of a key, in characters.</summary>
    public const int LengthMax = 36;

    private const int PrefixLength = 4;

    private PointKey(string value, PointKeyType type, long memberId)
    {
        Value = value;
        Type = type;
        MemberId = memberId;
    }

    /// <summary>The text of the key.</summary>
    public string Value { get; }

    /// <summary>What the key names.</summary>
    public PointKeyType Type { get; }

    /// <summary>The member it belongs to; for a transfer, the sending member.</summary>
    public long MemberId { get; }

    /// <summary>Creates a key from <see cref="EntropyBytes"/> random bytes.</summary>
    /// <exception cref="ArgumentException">Not exactly <see cref="EntropyBytes"/> bytes, or the member id is not positive.</exception>
    public static PointKey Create(PointKeyType type, long memberId, ReadOnlySpan<byte> entropy)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(memberId);
        if (entropy.Length != EntropyBytes)
        {
            throw new ArgumentException($"A key needs {EntropyBytes} random bytes.", nameof(entropy));
        }

        Span<byte> bytes = stackalloc byte[sizeof(long) + EntropyBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, memberId);
        entropy.CopyTo(bytes[sizeof(long)..]);
        bytes = bytes[LeadingZeroBytes(memberId)..];

        Span<char> text = stackalloc char[LengthMax];
        PrefixOf(type).CopyTo(text);
        var written = Base64Url.EncodeToChars(bytes, text[PrefixLength..]);
        return new PointKey(new string(text[..(PrefixLength + written)]), type, memberId);
    }

    /// <summary>Parses a key. False when the text cannot be a key of this service.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out PointKey key)
    {
        var isKey = TryRead(text, out var type, out var memberId);
        key = isKey ? new PointKey(text!, type, memberId) : default;
        return isKey;
    }

    /// <summary>Reads the member of a key and allocates nothing. False when the text cannot be a key, as with <see cref="TryParse"/>.</summary>
    public static bool TryReadMember(ReadOnlySpan<char> text, out long memberId) => TryRead(text, out _, out memberId);

    /// <summary>True when the text consists of characters that a key may have (A–Z, a–z, 0–9, - and _) and has at most 100 characters.</summary>
    public static bool IsWellFormed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is > 0 and <= 100 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
    }

    /// <inheritdoc/>
    public override string ToString() => Value;

    /// <summary>The text of the key, independent of format and culture.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider) => Value;

    private static int LeadingZeroBytes(long value) => System.Numerics.BitOperations.LeadingZeroCount((ulong)value) / 8;

    private static string PrefixOf(PointKeyType type) => type switch
    {
        PointKeyType.Accumulation => "acc_",
        PointKeyType.Usage => "use_",
        PointKeyType.Cancellation => "can_",
        PointKeyType.Transfer => "trf_",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static bool TryRead(ReadOnlySpan<char> text, out PointKeyType type, out long memberId)
    {
        memberId = 0;
        if (text.Length is <= PrefixLength or > LengthMax || !TryReadType(text[..PrefixLength], out type))
        {
            type = default;
            return false;
        }

        Span<byte> bytes = stackalloc byte[sizeof(long) + EntropyBytes];
        var body = text[PrefixLength..];

        // Not TryDecodeFromChars: it returns false only when the destination is too short, and throws on text that is not base64url.
        var decoded = Base64Url.DecodeFromChars(body, bytes, out _, out var length);

        // Each key has exactly one text: a member id with leading zeros, a padded or an otherwise equivalent spelling is not the key.
        if (decoded != OperationStatus.Done || length <= EntropyBytes || bytes[0] == 0)
        {
            return false;
        }

        Span<char> spelling = stackalloc char[LengthMax];
        if (!body.SequenceEqual(spelling[..Base64Url.EncodeToChars(bytes[..length], spelling)]))
        {
            return false;
        }

        long id = 0;
        foreach (var part in bytes[..(length - EntropyBytes)])
        {
            id = (id << 8) | part;
        }

        memberId = Math.Max(id, 0);
        return id > 0;
    }

    private static bool TryReadType(ReadOnlySpan<char> prefix, out PointKeyType type)
    {
        (var isKnown, type) = prefix switch
        {
            "acc_" => (true, PointKeyType.Accumulation),
            "use_" => (true, PointKeyType.Usage),
            "can_" => (true, PointKeyType.Cancellation),
            "trf_" => (true, PointKeyType.Transfer),
            _ => (false, default),
        };
        return isKnown;
    }
}
