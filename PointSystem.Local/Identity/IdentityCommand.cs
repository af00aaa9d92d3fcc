using System.CommandLine;
using System.Globalization;

namespace PointSystem.Local.Identity;

/// <summary>
/// The process mode <c>PointSystem.Local identity</c>: an OpenID provider on the loopback interface, to try tokens of services
/// (docs/access.md).
/// </summary>
internal static class IdentityCommand
{
    /// <summary>The verb.</summary>
    public const string Name = "identity";

    /// <summary>The variable with the private key; without it a new one is created.</summary>
    public const string KeyVariable = "POINTSYSTEM_IDENTITY_KEY";

    /// <summary>The variable with the secret of all clients.</summary>
    public const string SecretVariable = "POINTSYSTEM_CLIENT_SECRET";

    /// <summary>Where the provider listens with this port.</summary>
    public static Uri Address(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}"));

    /// <summary>Runs until SIGTERM, Ctrl+C or, with <c>--exit-with-stdin</c>, the end of standard input.</summary>
    public static Command Create()
    {
        var port = CommandLines.Number("--port", 1, 65535, "where it listens");
        port.Required = true;
        var guard = new Option<bool>(StdinGuard.Flag) { Description = "end when standard input ends" };
        var command = new Command(Name, "an OpenID provider for services, with tokens like Keycloak's; " + SecretVariable + " has the secret of its clients")
        {
            port, guard,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetRequiredValue(port)!.Value, parsed.GetValue(guard), cancellationToken));
        return command;
    }

    private static async Task RunAsync(int port, bool exitWithStdin, CancellationToken cancellationToken)
    {
        // The command line takes charge of signals when this returns for the first time.
        await Task.Yield();
        if (Environment.GetEnvironmentVariable(SecretVariable) is not { Length: > 0 } secret)
        {
            throw new LocalException($"Set {SecretVariable} to the secret of the clients.");
        }

        try
        {
            var address = Address(port);
            using var tokens = new RealmTokens(Environment.GetEnvironmentVariable(KeyVariable) ?? RealmTokens.CreateKey(), address, TimeProvider.System);
            await using var provider = await IdentityProvider.StartAsync(address, tokens, RealmClient.Local, secret, cancellationToken);
            await Console.Out.WriteLineAsync($"The identity provider is ready at {tokens.Issuer}");
            await StdinGuard.UntilAsync(exitWithStdin, cancellationToken);
        }
        catch (IOException error)
        {
            throw new LocalException($"The identity provider could not start on port {port}: {error.Message}", error);
        }
    }
}
