using System.Buffers.Text;
using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.JsonWebTokens;
using PointSystem.Api.Http;

namespace PointSystem.Api.Security;

/// <summary>Translates the claims of a token, whose places depend on the provider, to who is calling and what is allowed.</summary>
internal static class TokenIdentity
{
    private const int CallerBytes = 16;
    private const string RightClaim = "right";
    private const string MemberClaim = "member";
    private const string SubjectClaim = "sub";
    private const string ClientClaim = "client";
    private const string NameClaim = "name";

    // Tokens of services name the client, and not always a subject.
    private static readonly string[] Clients = ["azp", "client_id", "appid"];
    private static readonly string[] NameClaims = ["name", "preferred_username"];

    /// <summary>
    /// An identity that has nothing but the subject, the client, a name, the caller, the rights and the member, so that no other claim of the token
    /// can stand for one of them.
    /// </summary>
    public static ClaimsPrincipal Of(ClaimsPrincipal token, AuthOptions options)
    {
        var claims = new List<Claim>();
        void AddFirst(string type, params string[] from)
        {
            if (FirstOf(token, from) is { } value)
            {
                claims.Add(new Claim(type, value));
            }
        }

        AddFirst(SubjectClaim, SubjectClaim);
        AddFirst(ClientClaim, Clients);
        AddFirst(NameClaim, NameClaims);
        claims.Add(new Claim(Callers.Claim, CallerOf(token)));
        claims.AddRange(RightsOf(token, options).Select(right => new Claim(RightClaim, right)));
        if (options.MemberClaim is { Length: > 0 } name && ValuesAt(token, name.Split('.')) is { } members)
        {
            // More or less than one value is no member, and must not pass for a token that belongs to none.
            claims.Add(new Claim(MemberClaim, members.Count == 1 ? members[0] : ""));
        }

        return new ClaimsPrincipal(new ClaimsIdentity(claims, token.Identity!.AuthenticationType, SubjectClaim, RightClaim));
    }

    /// <summary>The subject, the client and the name in the token; each is null if there is none.</summary>
    public static (string? Subject, string? Client, string? Name) Names(this ClaimsPrincipal user) => user.Identity?.IsAuthenticated == true
        ? (user.FindFirstValue(SubjectClaim), user.FindFirstValue(ClientClaim), user.FindFirstValue(NameClaim))
        : default;

    /// <summary>The member of the token, 0 if the claim is not a member id; null if the token belongs to no member.</summary>
    public static long? Member(this ClaimsPrincipal user) => user.FindFirstValue(MemberClaim) is not { } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var member) ? member
        : 0;

    /// <summary>
    /// The client and the subject: two clients of one user are two callers, and so are two users of one client. Without the issuer, which some
    /// providers spell in several ways: all tokens that are accepted are signed with the keys of one provider.
    /// </summary>
    private static string CallerOf(ClaimsPrincipal token)
    {
        var client = FirstOf(token, Clients) ?? "";
        var text = string.Create(CultureInfo.InvariantCulture, $"{client.Length}:{client}{token.FindFirstValue(SubjectClaim)}");
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, CallerBytes));
    }

    private static string? FirstOf(ClaimsPrincipal token, string[] claims) =>
        claims.Select(token.FindFirstValue).FirstOrDefault(value => !string.IsNullOrWhiteSpace(value));

    private static HashSet<string> RightsOf(ClaimsPrincipal token, AuthOptions options)
    {
        var rights = new HashSet<string>(StringComparer.Ordinal);
        foreach (var place in options.PlacesOfRights())
        {
            var values = ValuesAt(token, place) ?? [];

            // What an application asks for on behalf of any of its users must not make administrators of them.
            rights.UnionWith(place[^1] is "scope" or "scp"
                ? values.SelectMany(value => value.Split(' ')).Where(value => value is Rights.Read or Rights.Write)
                : values.Where(Rights.All.Contains));
        }

        if (options is { Tokens: TokenLayout.Plain, RightClaims.Count: 0 } && token.HasClaim("role", Rights.AdminRole))
        {
            rights.Add(Rights.Admin);
        }

        return rights;
    }

    /// <summary>
    /// The texts and numbers at a place: in the claim with the whole name, otherwise within the one with its first part. Null if there is no such claim.
    /// </summary>
    private static IReadOnlyList<string>? ValuesAt(ClaimsPrincipal token, IReadOnlyList<string> place)
    {
        var claims = token.FindAll(string.Join('.', place)).ToList();
        if (claims.Count > 0)
        {
            return [.. claims.Where(claim => claim.ValueType is not (JsonClaimValueTypes.Json or JsonClaimValueTypes.JsonArray)).Select(claim => claim.Value)];
        }

        claims = place.Count == 1 ? [] : [.. token.FindAll(place[0])];
        return claims.Count == 0 ? null : [.. claims.SelectMany(claim => Within(claim.Value, place))];
    }

    private static IReadOnlyList<string> Within(string json, IReadOnlyList<string> place)
    {
        try
        {
            var element = JsonNode.Parse(json);
            foreach (var name in place.Skip(1))
            {
                element = (element as JsonObject)?[name];
            }

            return [.. (element as JsonArray ?? [element?.DeepClone()]).OfType<JsonValue>().Select(value => value.ToString())];
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or ArgumentException)
        {
            return [];
        }
    }
}
