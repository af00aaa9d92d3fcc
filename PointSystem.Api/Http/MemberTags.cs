using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Microsoft.Net.Http.Headers;

namespace PointSystem.Api.Http;

/// <summary>
/// The version of a member in headers: <c>ETag</c> of answers, and <c>X-Min-Version</c> and <c>If-None-Match</c> of reads.
/// </summary>
/// <remarks>
/// A version is the sequence of the member's last ledger entry. It says all about an answer unless that also depends on the date. The tag
/// then includes the date. Tags are weak, because answers also contain the time at which they were read.
/// </remarks>
internal static class MemberTags
{
    /// <summary>The header with the lowest version that a read may be answered from.</summary>
    public const string MinVersionHeader = "X-Min-Version";

    /// <summary>The tag of a version.</summary>
    /// <param name="version">The version.</param>
    /// <param name="date">The business date, if the answer depends on it.</param>
    public static string Of(long version, DateOnly? date = null) => date is { } day
        ? string.Create(CultureInfo.InvariantCulture, $"W/\"{version}-{day:yyyyMMdd}\"")
        : string.Create(CultureInfo.InvariantCulture, $"W/\"{version}\"");

    /// <summary>Reads <c>X-Min-Version</c>, 0 … 2^63-1 in digits; null if there is no such header.</summary>
    public static bool TryReadMinVersion(HttpContext http, out long? version, [NotNullWhen(false)] out IResult? problem)
    {
        var values = http.Request.Headers[MinVersionHeader];
        version = values.Count == 1 && long.TryParse(values[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        problem = (values.Count, version) switch
        {
            (0, _) or (1, not null) => null,
            (1, _) => Problems.Invalid(MinVersionHeader, $"{MinVersionHeader} must be a whole number from 0 to {long.MaxValue}, digits only."),
            _ => Problems.Invalid(MinVersionHeader, $"{MinVersionHeader} must be given at most once."),
        };
        return problem is null;
    }

    /// <summary>Whether <c>If-None-Match</c> names the tag. A header that cannot be read names nothing (RFC 9110, 13.1.2).</summary>
    public static bool IsKnown(HttpContext http, string tag) =>
        http.Request.Headers.IfNoneMatch.Count > 0 && EntityTagHeaderValue.Parse(tag) is var current
        && http.Request.GetTypedHeaders().IfNoneMatch
            .Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(current, useStrongComparison: false));

    /// <summary>The highest version that <c>If-None-Match</c> names: the caller knows that state, and must not get an older one.</summary>
    public static long KnownVersion(HttpContext http)
    {
        var highest = 0L;
        foreach (var tag in http.Request.Headers.IfNoneMatch.Count > 0 ? http.Request.GetTypedHeaders().IfNoneMatch : [])
        {
            var text = tag.Tag.AsSpan().Trim('"');
            var end = text.IndexOf('-');
            if (long.TryParse(end < 0 ? text : text[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            {
                highest = Math.Max(highest, version);
            }
        }

        return highest;
    }

    /// <summary>The field <c>version</c> of the answer to a write; null if it has none, as that of a transfer, which is of two members.</summary>
    public static long? VersionOf(ReadOnlySpan<byte> answer)
    {
        // Read from the answer, so that a stored one has the tag of its first time; none if an earlier version of the service has stored it.
        if (answer.IsEmpty)
        {
            return null;
        }

        var reader = new Utf8JsonReader(answer);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isVersion = reader.ValueTextEquals("version"u8);
            reader.Read();
            if (isVersion)
            {
                return reader.GetInt64();
            }

            reader.Skip();
        }

        return null;
    }
}
