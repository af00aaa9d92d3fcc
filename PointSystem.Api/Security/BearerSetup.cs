using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using PointSystem.Api.Http;

namespace PointSystem.Api.Security;

/// <summary>Configures the validation of bearer tokens. It uses the real clock, never the shifted business clock.</summary>
internal sealed class BearerSetup(
    IOptions<AuthOptions> options, IHostEnvironment environment, TimeProvider clock, ILogger<SharedDiscovery> logger) : IConfigureNamedOptions<JwtBearerOptions>
{
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DiscoveryTimeout = TimeSpan.FromSeconds(2);

    public void Configure(JwtBearerOptions bearer) => Configure(Options.DefaultName, bearer);

    public void Configure(string? name, JwtBearerOptions bearer)
    {
        var auth = options.Value;
        bearer.MapInboundClaims = false;
        var rules = bearer.TokenValidationParameters = new TokenValidationParameters
        {
            ValidAudience = auth.Audience,
            ValidIssuer = auth.Issuer,
            ValidateIssuer = true,
            ValidateAudience = true,
            ValidateLifetime = true,
            RequireExpirationTime = true,
            RequireSignedTokens = true,
            ValidateIssuerSigningKey = true,
            ClockSkew = ClockSkew,
        };
        SharedDiscovery? discovery = null;
        if (auth.TryReadKey(out var key))
        {
            rules.ValidIssuer ??= "pointsystem";
            rules.IssuerSigningKey = new SymmetricSecurityKey(key);

            // Explicit, so that no other algorithm can be used with the shared key.
            rules.ValidAlgorithms = [SecurityAlgorithms.HmacSha256];
        }
        else
        {
            var address = $"{auth.Authority!.TrimEnd('/')}/.well-known/openid-configuration";
            var documents = new HttpDocumentRetriever(new HttpClient { Timeout = DiscoveryTimeout }) { RequireHttps = !environment.IsDevelopment() };
            bearer.ConfigurationManager = discovery = new SharedDiscovery(
                cancel => OpenIdConnectConfigurationRetriever.GetAsync(address, documents, cancel), clock, logger);
            rules.ValidAlgorithms =
            [
                SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
                SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
                SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
            ];
        }

        bearer.Events = new JwtBearerEvents
        {
            OnMessageReceived = context => discovery is null ? Task.CompletedTask : PrepareAsync(context, discovery),
            OnTokenValidated = context =>
            {
                context.Principal = TokenIdentity.Of(context.Principal!, auth);
                return Task.CompletedTask;
            },
            OnAuthenticationFailed = context =>
            {
                // Otherwise it would be thrown, as an error of ours.
                if (context.Exception is IdentityProviderAwayException away)
                {
                    context.Fail(away);
                }

                return Task.CompletedTask;
            },
            OnChallenge = ChallengeAsync,
            OnForbidden = context =>
            {
                var http = context.HttpContext;
                if (RightOf(http) == Rights.Admin && !HttpMethods.IsGet(http.Request.Method))
                {
                    http.LogAdminRefused();
                }

                return (http.User.Member() is null ? Problems.Forbidden(RightOf(http)) : Problems.ForbiddenMember()).ExecuteAsync(http);
            },
        };
    }

    /// <summary>
    /// Refuses what is no JWT, which needs no key, and makes sure that the key of a token is known if the provider has it.
    /// </summary>
    private static async Task PrepareAsync(MessageReceivedContext context, SharedDiscovery discovery)
    {
        const string Scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) || header.AsSpan(Scheme.Length).IsWhiteSpace())
        {
            return;
        }

        string? keyId;
        try
        {
            keyId = new JsonWebToken(header[Scheme.Length..].Trim()).Kid;
        }
        catch (Exception malformed) when (malformed is ArgumentException or SecurityTokenException)
        {
            context.Fail(malformed);
            return;
        }

        await discovery.FindKeyAsync(keyId, context.HttpContext.RequestAborted);
    }

    private static string RightOf(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy ?? Rights.Admin;

    private static Task ChallengeAsync(JwtBearerChallengeContext context)
    {
        context.HandleResponse();
        var sentence = context.AuthenticateFailure switch
        {
            null => null,
            SecurityTokenExpiredException => "The token has expired; request a new one.",
            SecurityTokenNotYetValidException => "The token is not valid yet.",
            _ => "The token is not valid here: its signature, issuer or audience is not trusted, or it is not a JWT.",
        };
        if (sentence is not null)
        {
            context.Response.Headers.WWWAuthenticate = $"Bearer error=\"invalid_token\", error_description=\"{sentence}\"";
        }

        return Problems.Unauthorized(sentence).ExecuteAsync(context.HttpContext);
    }
}
