using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PointSystem.Local;
using PointSystem.Local.Cluster;
using PointSystem.Local.Runner;

namespace PointSystem.AppHost;

/// <summary>What was asked for on the command line, and where everything lies. The options are those of the local runner.</summary>
internal sealed class Settings
{
    private Settings(LocalClusterOptions cluster, string[] aspireArguments, string dataDirectory, Secrets secrets)
    {
        Cluster = cluster;
        AspireArguments = aspireArguments;
        DataDirectory = dataDirectory;
        Secrets = secrets;
        Components = BuildPaths.Components(cluster);
        ReplicaNames = [.. Enumerable.Range(1, cluster.Replicas).Select(number => string.Create(CultureInfo.InvariantCulture, $"api-{number}"))];
    }

    public LocalClusterOptions Cluster { get; }

    /// <summary>What Aspire itself understands, such as <c>--operation publish</c>.</summary>
    public string[] AspireArguments { get; }

    /// <summary>Where PostgreSQL's data lie when it is no container, and the secrets always: shared with the local runner, for one of the two at a time.</summary>
    public string DataDirectory { get; }

    public Secrets Secrets { get; }

    /// <summary>Dapr's component files, used as they are.</summary>
    public string Components { get; }

    public IReadOnlyList<string> ReplicaNames { get; }

    /// <summary>A volume for a container: another one for other secrets, since a database knows only the password that it was made with.</summary>
    public string VolumeFor(string resource) =>
        $"pointsystem-{resource}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Secrets.PostgresPassword)))[..12]}";

    /// <summary>Connections of all replicas, the migration, and room for a person who looks.</summary>
    public int DatabaseConnections => (Cluster.Replicas * Cluster.PoolSize) + 20;

    /// <summary>Null when only the help was asked for; it has been written.</summary>
    /// <exception cref="LocalException">An option has a wrong value, or the data directory cannot be used.</exception>
    public static Settings? Read(IReadOnlyList<string> arguments)
    {
        var others = new List<string>();
        var options = RunnerOptions.Parse(arguments, Environment.GetEnvironmentVariable, others);
        if (options.Help)
        {
            Console.WriteLine(RunnerOptions.HelpText);
            return null;
        }
        var directory = Path.GetFullPath(options.Cluster.DataDirectory ?? Local.Cluster.DataDirectory.Default(BuildPaths.RepositoryRoot()));
        // Taken for a moment only: the server that uses the data holds it while it runs.
        using var data = Local.Cluster.DataDirectory.Open(directory);
        if (options.Cluster.Fresh)
        {
            data.Clear();
        }
        return new Settings(options.Cluster, [.. others], directory, Secrets.LoadOrCreate(directory));
    }
}
