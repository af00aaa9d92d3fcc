using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using PointSystem.Api.Http;

namespace PointSystem.Api.Security;

internal static class SecurityExtensions
{
    /// <summary>
    /// Registers bearer tokens and a policy for each right. Settings are validated when the host starts, so <c>migrate</c> needs none.
    /// </summary>
    public static IHostApplicationBuilder AddPointSecurity(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<AuthOptions>, AuthOptionsValidator>();
        services.AddOptions<AuthOptions>().BindConfiguration(AuthOptions.SectionName).ValidateOnStart();
        services.AddSingleton<IConfigureOptions<JwtBearerOptions>, BearerSetup>();
        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer();
        services.AddSingleton<PointAccess>();
        services.AddSingleton<IAuthorizationHandler>(provider => provider.GetRequiredService<PointAccess>());
        var authorization = services.AddAuthorizationBuilder();
        foreach (var right in Rights.All)
        {
            authorization.AddPolicy(right, policy => policy.AddRequirements(new AccessRequirement(right)));
        }

        return builder;
    }

    /// <summary>
    /// Checks tokens and rights. A token that does not hold is refused at every address, also where none is needed: its sender believes to be
    /// somebody.
    /// </summary>
    public static void UsePointSecurity(this WebApplication app)
    {
        app.Services.GetRequiredService<PointAccess>().SayIfOpen();
        app.UseAuthentication();
        app.Use(static async (http, next) =>
        {
            // Probes are answered whatever they send.
            if (http.Request.Headers.Authorization.Count == 0 || http.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal))
            {
                await next(http);
                return;
            }

            // The handler has judged the token already, and answers from memory.
            var result = await http.AuthenticateAsync();
            await (result.Succeeded ? next(http)
                : result.Failure is IdentityProviderAwayException ? Problems.TokensUnavailable().ExecuteAsync(http)
                : http.ChallengeAsync());
        });
        // Who calls is known now, and what is refused from here on counts too.
        app.UseRateLimits(OwnRequests.Contain);
        app.UseAuthorization();
    }
}
