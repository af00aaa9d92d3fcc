using PointSystem.Local.Identity;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

/// <summary>A local OpenID provider, if <see cref="Settings.IdentityProvider"/> asks for one.</summary>
internal static class Identity
{
    /// <summary>Name of the resource.</summary>
    public const string Name = "identity";

    /// <summary>Null without one: then tokens are signed with the shared key.</summary>
    public static IResourceBuilder<ExecutableResource>? AddIdentityProvider(this IDistributedApplicationBuilder builder, Settings settings)
    {
        if (settings.IdentityProvider is not { } port)
        {
            return null;
        }

        var key = builder.AddParameter("identity-key", settings.IdentityKey, secret: true);
        var secret = builder.AddParameter("client-secret", settings.ClientSecret, secret: true);
        var clients = string.Join(", ", RealmClient.Local.Select(client => client.Id));
        settings.Parts[Name] = $"{settings.Issuer}, secret {settings.ClientSecret} of the clients {clients}";
        return builder.AddExecutable(Name, DotnetHost.Path, AppContext.BaseDirectory, [.. DotnetHost.Verb(IdentityCommand.Name, "--port", $"{port}")])
            .WithHttpEndpoint(port: port, isProxied: false)
            .WithHttpHealthCheck(RealmTokens.RealmPath + "/.well-known/openid-configuration")
            .WithEnvironment(IdentityCommand.KeyVariable, key)
            .WithEnvironment(IdentityCommand.SecretVariable, secret)
            .WithIconName("PersonKey")
            .KeepRunning();
    }

    /// <summary>Gives the consumer of the feed a token, or lets it ask the provider for one.</summary>
    public static IResourceBuilder<ProjectResource> WithFeedToken(
        this IResourceBuilder<ProjectResource> consumer, Settings settings, IResourceBuilder<ExecutableResource>? identity)
    {
        if (identity is null)
        {
            return consumer.WithEnvironment("Feed__Token", settings.CreateFeedToken());
        }

        return consumer.WithEnvironment("Feed__TokenAddress", settings.Issuer + "/protocol/openid-connect/token")
            .WithEnvironment("Feed__ClientId", "notifications")
            .WithEnvironment("Feed__ClientSecret", settings.ClientSecret);
    }

    /// <summary>Sets whose tokens the API accepts. With an identity provider, everything needs a token.</summary>
    public static IResourceBuilder<ProjectResource> WithTokens(
        this IResourceBuilder<ProjectResource> api,
        Settings settings,
        IResourceBuilder<ParameterResource> signingKey,
        IResourceBuilder<ExecutableResource>? identity) => identity is null
        ? api.WithEnvironment("Auth__SigningKey", signingKey).WithEnvironment("Auth__Issuer", Local.TokenIssuer.Issuer)
        : api.WithEnvironment("Auth__Authority", settings.Issuer)
            .WithEnvironment("Auth__Tokens", "Keycloak")
            .WithEnvironment("Auth__AllowAnonymous", "false")
            .WaitFor(identity);
}
