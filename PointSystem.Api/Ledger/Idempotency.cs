using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Ledger;

/// <summary>The caller's key for a request and the fingerprint of what the request asks for.</summary>
/// <param name="Key">1 … 200 visible ASCII characters.</param>
/// <param name="RequestHash">SHA-256 of operation and arguments, whatever the spelling of the body was.</param>
internal sealed record Idempotency(string Key, byte[] RequestHash)
{
    /// <summary>How long a first answer is kept. Real time.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromHours(24);

    /// <summary>Null without a key: nothing is to be remembered then.</summary>
    public static Idempotency? For(string? key, string operation, params ReadOnlySpan<object?> arguments)
    {
        if (key is null)
        {
            return null;
        }

        var text = new StringBuilder(operation);
        foreach (var argument in arguments)
        {
            // Length before content, so that no two lists of arguments read alike.
            var value = argument is null ? "-" : Convert.ToString(argument, CultureInfo.InvariantCulture)!;
            text.Append('\n').Append(argument is null ? -1 : value.Length).Append(':').Append(value);
        }

        return new Idempotency(key, SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>What a request comes to whose key has an answer already: that answer, if it is the same request.</summary>
    public CommandOutcome Judge(StoredAnswer stored) =>
        stored.RequestHash.AsSpan().SequenceEqual(RequestHash)
            ? CommandOutcome.FromStored(stored.Status, stored.Answer)
            : CommandOutcome.Refused(new PointError(
                PointErrorCodes.IdempotencyKeyReused,
                PointErrorKind.Refused,
                "This Idempotency-Key was used for another request; take a new key for each new request."));
}
