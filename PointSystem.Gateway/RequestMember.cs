using System.Globalization;
using System.Text.Json;
using PointSystem.Domain.Points;

namespace PointSystem.Gateway;

/// <summary>
/// Finds the member of a request. The result is a hint that avoids waiting for locks, not a condition: a request that cannot be read here is
/// read, or refused, by the replica.
/// </summary>
internal static class RequestMember
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>The member named by the path or, failing that, by the body; null when there is none.</summary>
    public static long? Find(PathString path, ReadOnlySpan<byte> body) => OfPath(path.Value) ?? OfBody(body);

    /// <summary>
    /// The first segment that is a member id or a point key, in the spellings that the API accepts. There is no table of routes: for the number of
    /// something else, such as a reconciliation run, every replica will do.
    /// </summary>
    internal static long? OfPath(ReadOnlySpan<char> path)
    {
        foreach (var range in path.Split('/'))
        {
            var segment = path[range];
            if ((long.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var member) && member > 0)
                || PointKey.TryReadMember(segment, out member))
            {
                return member;
            }
        }
        return null;
    }

    /// <summary>
    /// The first value of <c>memberId</c> or of a transfer's <c>fromMemberId</c>. Every replica refuses a body that has both, or one of them
    /// twice, so nothing after the first needs to be read.
    /// </summary>
    internal static long? OfBody(ReadOnlySpan<byte> body)
    {
        if (body.StartsWith(ByteOrderMark))
        {
            body = body[ByteOrderMark.Length..];
        }
        if (body.IsEmpty)
        {
            return null;
        }
        var reader = new Utf8JsonReader(body);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isMember = reader.ValueTextEquals("memberId"u8) || reader.ValueTextEquals("fromMemberId"u8);
                reader.Read();
                if (isMember)
                {
                    return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var member) && member > 0 ? member : null;
                }
                reader.Skip();
            }
            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Invalid JSON, or a name that is not valid Unicode.
            return null;
        }
    }
}
