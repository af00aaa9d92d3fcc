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
        key = default;
        if (text is null || text.Length is <= PrefixLength or > LengthMax || TypeOf(text) is not { } type)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[sizeof(long) + EntropyBytes];

        // Not TryDecodeFromChars: it returns false only when the destination is too short, and throws on text that is not base64url.
        var decoded = Base64Url.DecodeFromChars(text.AsSpan(PrefixLength), bytes, out _, out var length);
        if (decoded != OperationStatus.Done || length <= EntropyBytes)
        {
            return false;
        }

        long memberId = 0;
        foreach (var part in bytes[..(length - EntropyBytes)])
        {
            memberId = (memberId << 8) | part;
        }

        // Each key has exactly one text: a padded or otherwise equivalent spelling is not the key.
        if (memberId <= 0 || Create(type, memberId, bytes[(length - EntropyBytes)..length]).Value != text)
        {
            return false;
        }

        key = new PointKey(text, type, memberId);
        return true;
    }

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

    private static PointKeyType? TypeOf(string text)
    {
        foreach (var type in Enum.GetValues<PointKeyType>())
        {
            if (text.StartsWith(PrefixOf(type), StringComparison.Ordinal))
            {
                return type;
            }
        }

        return null;
    }
}
