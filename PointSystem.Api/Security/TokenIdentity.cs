using System.Globalization;
using System.Security.Claims;
using System.Text.Json;

namespace PointSystem.Api.Security;

/// <summary>Translates the claims of a token, whose places depend on the provider, to who is calling and what is allowed.</summary>
internal static class TokenIdentity
{
    private const string RightClaim = "right";
    private const string MemberClaim = "member";
    private const string SubjectClaim = "sub";

    // Tokens of services name the client, and not always a subject.
    private static readonly string[] Subjects = [SubjectClaim, "client_id", "azp", "appid"];

    /// <summary>
    /// An identity that has nothing but the subject, the rights and the member, so that no other claim of the token can stand for one of them.
    /// </summary>
    public static ClaimsPrincipal Of(ClaimsPrincipal token, AuthOptions options)
    {
        var claims = new List<Claim>();
        if (Subjects.Select(token.FindFirstValue).FirstOrDefault(subject => !string.IsNullOrWhiteSpace(subject)) is { } subject)
        {
            claims.Add(new Claim(SubjectClaim, subject));
        }

        var named = options.PlacesOfRights().SelectMany(place => Values(token, place)).SelectMany(text => text.Split(' ')).ToHashSet(StringComparer.Ordinal);
        if (options.Tokens == TokenLayout.Plain && named.Contains(Rights.AdminRole))
        {
            named.Add(Rights.Admin);
        }

        claims.AddRange(Rights.All.Where(named.Contains).Select(right => new Claim(RightClaim, right)));
        if (!string.IsNullOrWhiteSpace(options.MemberClaim) && token.FindFirst(options.MemberClaim) is { } member)
        {
            claims.Add(new Claim(MemberClaim, member.Value));
        }

        return new ClaimsPrincipal(new ClaimsIdentity(claims, token.Identity!.AuthenticationType, SubjectClaim, RightClaim));
    }

    /// <summary>The subject of the token; null if there is none.</summary>
    public static string? SubjectOf(ClaimsPrincipal user) => user.Identity?.IsAuthenticated == true ? user.FindFirstValue(SubjectClaim) : null;

    /// <summary>The member of the token, 0 if the claim is not a member id; null if the token belongs to no member.</summary>
    public static long? MemberOf(ClaimsPrincipal user) => user.FindFirstValue(MemberClaim) is not { } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var member) ? member
        : 0;

    private static IEnumerable<string> Values(ClaimsPrincipal token, IReadOnlyList<string> place)
    {
        foreach (var claim in token.FindAll(place[0]))
        {
            if (place.Count == 1)
            {
                yield return claim.Value;
            }
            else
            {
                foreach (var value in Values(claim.Value, place))
                {
                    yield return value;
                }
            }
        }
    }

    private static IReadOnlyList<string> Values(string json, IReadOnlyList<string> place)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var element = document.RootElement;
            foreach (var name in place.Skip(1))
            {
                if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                {
                    return [];
                }
            }

            return element.ValueKind switch
            {
                JsonValueKind.String => [element.GetString()!],
                JsonValueKind.Array => [.. element.EnumerateArray().Where(each => each.ValueKind == JsonValueKind.String).Select(each => each.GetString()!)],
                _ => [],
            };
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
