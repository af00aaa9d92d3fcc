using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace PointSystem.ServiceDefaults;

/// <summary>Settings from a directory with one file for each, as Kubernetes and Docker mount secrets.</summary>
public static class SecretFiles
{
    /// <summary>The directory. Default: <c>/run/secrets</c>, if it exists.</summary>
    public const string DirectoryKey = "POINTSYSTEM_SECRETS";

    private const string UsualDirectory = "/run/secrets";

    /// <summary>
    /// Reads the directory's files, each named like the environment variable that it replaces (<c>ConnectionStrings__points</c>), over which it
    /// has priority. They are read once, at start.
    /// </summary>
    /// <exception cref="OptionsValidationException">The directory does not exist, or a file cannot be read.</exception>
    internal static void AddSecretFiles(this IHostApplicationBuilder builder)
    {
        var given = builder.Configuration[DirectoryKey];
        if (string.IsNullOrWhiteSpace(given) && !Directory.Exists(UsualDirectory))
        {
            return;
        }

        var directory = Path.GetFullPath(string.IsNullOrWhiteSpace(given) ? UsualDirectory : given);
        try
        {
            builder.Configuration.AddKeyPerFile(directory, optional: false);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new OptionsValidationException(
                Options.DefaultName, typeof(SecretFiles), [$"The secrets in {directory} ({DirectoryKey}) cannot be read: {fault.Message}"]);
        }
    }
}
