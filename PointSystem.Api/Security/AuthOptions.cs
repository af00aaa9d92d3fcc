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
    /// The required issuer of tokens. Default pointsystem; with <see cref="Authority"/>, the issuer that the provider publishes.
    /// </summary>
    public string? Issuer { get; set; }

    /// <summary>The required audience of tokens. Default pointsystem.</summary>
    public string Audience { get; set; } = "pointsystem";

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
