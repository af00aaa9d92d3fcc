using System.Diagnostics.CodeAnalysis;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Http;

/// <summary>The <c>Idempotency-Key</c> header.</summary>
internal static class IdempotencyKeys
{
    public const string Header = "Idempotency-Key";

    /// <summary>Reads the caller's key; null if there is no such header. The key is used exactly as sent, including quotes.</summary>
    public static bool TryRead(HttpContext http, out IdempotencyKey? key, [NotNullWhen(false)] out IResult? problem)
    {
        ArgumentNullException.ThrowIfNull(http);
        var values = http.Request.Headers[Header];
        key = values.Count == 1 ? new IdempotencyKey(values[0] ?? "", http.User.Caller()) : null;
        problem = values.Count switch
        {
            0 => null,
            1 when key is { Text: { Length: > 0 and <= Lengths.IdempotencyKey } text } && text.All(c => c is > ' ' and <= '~') => null,
            1 => Problems.Invalid(Header, $"{Header} must have 1 to {Lengths.IdempotencyKey} visible ASCII characters, without spaces."),
            _ => Problems.Invalid(Header, $"{Header} must be given at most once."),
        };
        return problem is null;
    }
}
