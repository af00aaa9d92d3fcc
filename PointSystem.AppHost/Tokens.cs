using PointSystem.Local;
using PointSystem.Local.Identity;

namespace PointSystem.AppHost;

/// <summary>The secrets of bearer tokens.</summary>
internal static class Tokens
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);

    // Longer than any local run.
    private static readonly TimeSpan FeedLifetime = TimeSpan.FromDays(366);

    /// <summary>The key that signs tokens, created once per data directory. The dashboard shows it, masked, as a parameter.</summary>
    public static IResourceBuilder<ParameterResource> AddSigningKey(this IDistributedApplicationBuilder builder, Settings settings) =>
        builder.AddParameter("signing-key", settings.Secrets.SigningKey, secret: true);

    /// <summary>Creates a bearer token with the admin role.</summary>
    public static string CreateAdminToken(this Settings settings, TimeSpan lifetime)
    {
        if (settings.IdentityProvider is not { } port)
        {
            return new TokenIssuer(settings.Secrets.SigningKey, TimeProvider.System).Create("local-admin", [TokenIssuer.AdminRole], lifetime);
        }

        using var tokens = new RealmTokens(settings.IdentityKey, IdentityCommand.Address(port), TimeProvider.System);
        return tokens.Create(new RealmClient("local-admin", "points:admin"), lifetime);
    }

    /// <summary>Creates a token for a process of this run that reads the events.</summary>
    public static string CreateFeedToken(this Settings settings) =>
        new TokenIssuer(settings.Secrets.SigningKey, TimeProvider.System).Create("notifications", ["points:events"], FeedLifetime);

    /// <summary>Creates a token for trying the API by hand, and writes it to <see cref="Settings.AdminTokenFile"/>.</summary>
    public static string WriteAdminToken(this Settings settings)
    {
        var token = settings.CreateAdminToken(Lifetime);
        PrivateFiles.Write(settings.AdminTokenFile, token);
        return token;
    }

    /// <summary>The command <c>token</c>: prints the new token alone on standard output, for scripts.</summary>
    /// <returns>The exit code.</returns>
    public static int PrintAdminToken(this Settings settings)
    {
        Console.WriteLine(settings.WriteAdminToken());
        Console.Error.WriteLine($"It is valid for a day, and stands in {settings.AdminTokenFile}.");
        return 0;
    }
}
