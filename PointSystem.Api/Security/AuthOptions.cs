using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Api.Security;

/// <summary>
/// Whose tokens are believed: either those signed with <see cref="SigningKey"/>, or those of the OpenID provider <see cref="Authority"/>.
/// </summary>
internal sealed class AuthOptions
{
    public const string SectionName = "Auth";

    /// <summary>Fewest bytes of a signing key: as many as HS256 puts out.</summary>
    public const int KeyBytesMin = 32;

    /// <summary>Shared secret of HS256 tokens: base64 of at least 32 bytes. Not with <see cref="Authority"/>.</summary>
    public string? SigningKey { get; set; }

    /// <summary>Address of the OpenID provider. Not with <see cref="SigningKey"/>.</summary>
    public string? Authority { get; set; }

    /// <summary>
    /// The issuer that tokens must name. Default pointsystem; with <see cref="Authority"/> what the provider says of itself.
    /// </summary>
    public string? Issuer { get; set; }

    /// <summary>The audience that tokens must name. Default pointsystem.</summary>
    public string Audience { get; set; } = "pointsystem";

    /// <summary>The key's bytes; false when it is no base64 or too short.</summary>
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
