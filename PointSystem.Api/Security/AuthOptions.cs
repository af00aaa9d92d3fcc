using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Api.Security;

/// <summary>
/// Which tokens are accepted: either those signed with <see cref="SigningKey"/>, or those of the OpenID provider <see cref="Authority"/>.
/// </summary>
internal sealed class AuthOptions
{
    public const string SectionName = "Auth";

    /// <summary>Minimum length of a signing key in bytes: the output size of HS256.</summary>
    public const int KeyBytesMin = 32;

    /// <summary>Shared secret of HS256 tokens: base64 of at least 32 bytes. Not together with <see cref="Authority"/>.</summary>
    public string? SigningKey { get; set; }

    /// <summary>Address of the OpenID provider. Not together with <see cref="SigningKey"/>.</summary>
    public string? Authority { get; set; }

    /// <summary>
    /// The required issuer of tokens. Default pointsystem; with <see cref="Authority"/>, the issuer that the provider publishes is accepted in any case.
    /// </summary>
    public string? Issuer { get; set; }

    /// <summary>The required audience of tokens. Default pointsystem.</summary>
    public string Audience { get; set; } = "pointsystem";

    /// <summary>
    /// Whether points can be read and written without a token. Default: in the environment Development only. Manual grants and administration
    /// need a token in any case.
    /// </summary>
    public bool? AllowAnonymous { get; set; }

    /// <summary>Where rights stand in tokens. Default <see cref="TokenLayout.Plain"/>.</summary>
    public TokenLayout Tokens { get; set; }

    /// <summary>
    /// Claims in which rights stand, instead of those of <see cref="Tokens"/>; a dot leads into a nested claim, as in <c>realm_access.roles</c>.
    /// </summary>
    public IReadOnlyList<string> RightClaims { get; set; } = [];

    /// <summary>
    /// The claim with the id of the member to whom a token belongs. Such a token allows to read that member's points, and nothing with other
    /// members, whatever rights it has, unless it has the right to administer. Default: none.
    /// </summary>
    public string? MemberClaim { get; set; }

    /// <summary>Whether a token that belongs to a member also allows to use that member's points. Default false.</summary>
    public bool MembersMayUse { get; set; }

    /// <summary>The places of rights: the names that lead to each.</summary>
    public IEnumerable<IReadOnlyList<string>> PlacesOfRights() =>
        RightClaims.Count > 0 ? RightClaims.Select(claim => claim.Split('.')) : Tokens switch
        {
            TokenLayout.EntraId => [["roles"], ["scp"]],
            TokenLayout.Keycloak => [["realm_access", "roles"], ["resource_access", Audience, "roles"], ["scope"]],
            TokenLayout.Auth0 => [["permissions"], ["scope"]],
            _ => (IEnumerable<IReadOnlyList<string>>)[["role"], ["roles"], ["scope"]],
        };

    /// <summary>Reads the bytes of the key; false if it is not base64 or too short.</summary>
    public bool TryReadKey([NotNullWhen(true)] out byte[]? key)
    {
        key = null;
        var bytes = new byte[(SigningKey?.Length ?? 0) + 4];
        if (string.IsNullOrWhiteSpace(SigningKey) || !Convert.TryFromBase64String(SigningKey, bytes, out var length) || length < KeyBytesMin)
        {
            return false;
        }

        key = bytes[..length];
        return true;
    }
}

/// <summary>Where the rights of a token stand.</summary>
internal enum TokenLayout
{
    /// <summary><c>role</c>, <c>roles</c>, <c>scope</c>; the value <c>admin</c> of <c>role</c> is the right to administer.</summary>
    Plain,

    /// <summary>Microsoft Entra ID: <c>roles</c> (application roles), <c>scp</c>.</summary>
    EntraId,

    /// <summary>Keycloak: <c>realm_access.roles</c>, <c>resource_access.{audience}.roles</c>, <c>scope</c>.</summary>
    Keycloak,

    /// <summary>Auth0: <c>permissions</c>, <c>scope</c>.</summary>
    Auth0,
}
