using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Ledger;

/// <summary>An idempotency key of a caller. Different callers may use the same text for different requests.</summary>
/// <param name="Text">1 … 200 visible ASCII characters.</param>
/// <param name="Caller">Who sent it, at most 22 characters; empty for answers that an earlier version stored, which did not know.</param>
internal readonly record struct IdempotencyKey(string Text, string Caller)
{
    /// <summary>Of a key whose caller is not known: every caller's request finds the answer.</summary>
    public const string AnyCaller = "";

    public IdempotencyKey OfAnyCaller() => this with { Caller = AnyCaller };
}

/// <summary>The caller's idempotency key of a request, and the hash of the request.</summary>
/// <param name="Key">The key.</param>
/// <param name="RequestHash">SHA-256 of operation and arguments, independent of the formatting of the body.</param>
internal sealed record Idempotency(IdempotencyKey Key, byte[] RequestHash)
{
    /// <summary>How long a first answer is stored, in real time.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromHours(24);

    /// <summary>Null without a key: then no answer is stored.</summary>
    public static Idempotency? For(IdempotencyKey? key, string operation, params ReadOnlySpan<object?> arguments)
    {
        if (key is not { } given)
        {
            return null;
        }

        var text = new StringBuilder(operation);
        foreach (var argument in arguments)
        {
            // Length before content, so that different argument lists never give the same text.
            var value = argument is null ? "-" : Convert.ToString(argument, CultureInfo.InvariantCulture)!;
            text.Append('\n').Append(argument is null ? -1 : value.Length).Append(':').Append(value);
        }

        return new Idempotency(given, SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>
    /// The outcome of a request whose key already has an answer: that answer if it is the same request, otherwise a refusal.
    /// </summary>
    public CommandOutcome Replay(StoredAnswer stored) =>
        stored.RequestHash.AsSpan().SequenceEqual(RequestHash)
            ? CommandOutcome.FromStored(stored.Status, stored.Answer)
            : CommandOutcome.Refused(new PointError(
                PointErrorCodes.IdempotencyKeyReused,
                PointErrorKind.Refused,
                "This Idempotency-Key was used for another request; use a new key for each new request."));
}
