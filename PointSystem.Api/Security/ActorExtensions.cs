using System.Buffers;
using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Security;

/// <summary>Who acts, in one text: <c>subject;client=…;name=…</c>. docs/access.md describes the form.</summary>
/// <remarks>
/// Two callers that differ in subject or client never have the same text. The separator is encoded within a part, and a part that is not
/// complete has a mark that no complete one can have, with a hash of the whole.
/// </remarks>
internal static partial class ActorExtensions
{
    private const string Anonymous = "anonymous";
    private const string ClientLabel = ";client=";
    private const string NameLabel = ";name=";
    private const string Mark = "%~";
    private const int HashDigits = 16;
    private const int ClientLengthMax = 60;
    private const int NameLengthMin = 20;

    // Visible ASCII and the space, without the two characters that are encoded.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (char)code).Except([';', '%'])]);

    /// <summary>The actor that the ledger records: subject, client and name of the token, or "anonymous" without a token.</summary>
    public static string Actor(this ClaimsPrincipal user)
    {
        ArgumentNullException.ThrowIfNull(user);
        var (subject, client, name) = user.Names();
        if (subject is null && client is null)
        {
            return Anonymous;
        }

        client = client is null || client == subject ? "" : ClientLabel + Part(client, ClientLengthMax);
        var actor = (subject is null ? "" : Part(subject, Lengths.Actor - LengthOf(client), isSubject: true)) + client;
        var rest = Lengths.Actor - LengthOf(actor) - NameLabel.Length;
        return name is null || rest < NameLengthMin ? actor : actor + NameLabel + Part(name, rest);
    }

    /// <summary>Who makes the request, and from where. The same object for the whole request.</summary>
    public static AuditOrigin AuditOrigin(this HttpContext http)
    {
        if (http.Items.TryGetValue(typeof(AuditOrigin), out var known))
        {
            return (AuditOrigin)known!;
        }

        var address = http.Connection.RemoteIpAddress;
        var forwardedFor = http.Request.Headers["X-Forwarded-For"].ToString();
        var origin = new AuditOrigin(
            http.User.Actor(),
            (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString(),
            forwardedFor.Length == 0 ? null : Part(forwardedFor, Lengths.ForwardedFor),
            ProblemResult.TraceIdOf(http));
        http.Items.Add(typeof(AuditOrigin), origin);
        return origin;
    }

    /// <summary>Logs that somebody wanted to act as an administrator without the right. It has no entry in the audit, which nobody can shorten.</summary>
    public static void LogAdminRefused(this HttpContext http)
    {
        var origin = http.AuditOrigin();
        LogRefused(
            http.RequestServices.GetRequiredService<ILogger<PointAccess>>(),
            origin.Actor, http.Request.Method, http.Request.Path.Value ?? "", origin.Address, origin.ForwardedFor, origin.TraceId);
    }

    /// <summary>The text without control and direction characters; if it is not complete, it ends with the mark.</summary>
    private static string Part(string text, int lengthMax, bool isSubject = false)
    {
        var isComplete = !(isSubject && IsOurs(text));
        if (isComplete && text.Length <= lengthMax && !text.AsSpan().ContainsAnyExcept(Plain))
        {
            return text;
        }

        var pieces = new List<string>(text.Length);
        var length = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsDropped(rune))
            {
                isComplete = false;
                continue;
            }

            // An unpaired surrogate arrives as the replacement character, and is not the same as another one.
            isComplete &= rune != Rune.ReplacementChar;
            var piece = rune.Value is ';' or '%' ? $"%{rune.Value:X2}" : rune.ToString();
            pieces.Add(piece);
            length += LengthOf(piece);
        }

        if (isComplete && length <= lengthMax)
        {
            return string.Concat(pieces);
        }

        while (length > lengthMax - Mark.Length - HashDigits)
        {
            length -= LengthOf(pieces[^1]);
            pieces.RemoveAt(pieces.Count - 1);
        }

        // UTF-16, because unpaired surrogates are all alike in UTF-8.
        return string.Concat([.. pieces, Mark, Convert.ToHexStringLower(SHA256.HashData(Encoding.Unicode.GetBytes(text)))[..HashDigits]]);
    }

    /// <summary>Postgres counts code points, not UTF-16 units.</summary>
    private static int LengthOf(string text) => text.EnumerateRunes().Count();

    // Direction characters would let one subject look like another.
    private static bool IsDropped(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    /// <summary>Whether it is a name that the service has for itself, such as "system:expiry".</summary>
    private static bool IsOurs(string text) => text is Anonymous or "system" || text.StartsWith("system:", StringComparison.Ordinal);

    [LoggerMessage(
        EventId = 1503,
        Level = LogLevel.Warning,
        Message = "{Actor} may not administer: {Method} {Path} was refused (from {Address}, forwarded for {ForwardedFor}, trace {TraceId})")]
    private static partial void LogRefused(
        ILogger logger, string actor, string method, string path, string? address, string? forwardedFor, string? traceId);
}
