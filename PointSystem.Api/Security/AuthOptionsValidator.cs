using Microsoft.Extensions.Options;

namespace PointSystem.Api.Security;

/// <summary>Fails at start, with a sentence that says what to set, rather than at the first token.</summary>
internal sealed class AuthOptionsValidator(IHostEnvironment environment) : IValidateOptions<AuthOptions>
{
    public ValidateOptionsResult Validate(string? name, AuthOptions options)
    {
        var hasKey = !string.IsNullOrWhiteSpace(options.SigningKey);
        var hasAuthority = !string.IsNullOrWhiteSpace(options.Authority);
        if (hasKey == hasAuthority)
        {
            return ValidateOptionsResult.Fail(hasKey
                ? "Auth:SigningKey and Auth:Authority are both set; set only one of them."
                : "No tokens can be checked: set Auth:SigningKey (environment variable Auth__SigningKey) to base64 of at least 32 random bytes, "
                  + "or Auth:Authority (Auth__Authority) to the address of an OpenID provider.");
        }

        if (hasKey && !options.TryReadKey(out _))
        {
            return ValidateOptionsResult.Fail($"Auth:SigningKey must be base64 of at least {AuthOptions.KeyBytesMin} bytes.");
        }

        // Without TLS only in Development: a forged answer would bring forged keys.
        if (hasAuthority && (!Uri.TryCreate(options.Authority, UriKind.Absolute, out var address)
            || !(address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && environment.IsDevelopment()))))
        {
            return ValidateOptionsResult.Fail("Auth:Authority must be the absolute https address of an OpenID provider.");
        }

        if (!Enum.IsDefined(options.Tokens))
        {
            return ValidateOptionsResult.Fail($"Auth:Tokens must be one of {string.Join(", ", Enum.GetNames<TokenLayout>())}.");
        }

        if (options.MembersMayUse && string.IsNullOrWhiteSpace(options.MemberClaim))
        {
            return ValidateOptionsResult.Fail("Auth:MembersMayUse needs Auth:MemberClaim, the claim with the member's id.");
        }

        return string.IsNullOrWhiteSpace(options.Audience)
            ? ValidateOptionsResult.Fail("Auth:Audience must not be empty: a token for another service must not be valid here.")
            : ValidateOptionsResult.Success;
    }
}
