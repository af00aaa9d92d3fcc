using PointSystem.Local;

namespace PointSystem.AppHost;

/// <summary>The secrets of bearer tokens, created once per data directory. The dashboard shows them, masked, as parameters.</summary>
internal static class Tokens
{
    public static IResourceBuilder<ParameterResource> AddSigningKey(this IDistributedApplicationBuilder builder, Settings settings) =>
        builder.AddParameter("signing-key", settings.Secrets.SigningKey, secret: true);

    /// <summary>A bearer token with the admin role, for trying the API by hand.</summary>
    public static IResourceBuilder<ParameterResource> AddAdminToken(this IDistributedApplicationBuilder builder, Settings settings) =>
        builder.AddParameter(
            "admin-token",
            new TokenIssuer(settings.Secrets.SigningKey, TimeProvider.System).Create("local-admin", [TokenIssuer.AdminRole], TimeSpan.FromDays(30)),
            secret: true);
}
