using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using PointSystem.Local;
using PointSystem.Local.Identity;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

/// <summary>
/// What is started, and where the data is stored: the configuration section <see cref="SectionName"/>. The command line has the highest
/// priority.
/// </summary>
internal sealed class Settings
{
    public const string SectionName = "PointSystem";
    public const int ReplicasMax = 16;
    public const int PortDefault = 8080;
    private readonly Lazy<string> _identityKey = new(RealmTokens.CreateKey);

    /// <summary>Pooled database connections of each replica.</summary>
    public const int PoolSize = 30;

    /// <summary>API replicas, each with its own sidecar, 1 … 16. Default 3.</summary>
    public int Replicas { get; set; } = 3;

    /// <summary>The gateway's port on the loopback interface, 0 … 65535; 0 = any free port. Default 8080.</summary>
    public int Port { get; set; } = PortDefault;

    /// <summary>Directory of PostgreSQL's data, logs and secrets. Default: a per-user directory for this clone.</summary>
    public string Data { get; set; } = "";

    /// <summary>Deletes the contents of <see cref="Data"/> first. Default false.</summary>
    public bool Fresh { get; set; }

    /// <summary>
    /// An Npgsql connection string of a database to use instead of starting PostgreSQL. Default: ConnectionStrings:points, or none.
    /// </summary>
    public string? ConnectionString { get; set; }

    /// <summary>Whether <see cref="ConnectionString"/> was given on the command line, where every user of the machine can read it.</summary>
    public bool IsConnectionStringVisible { get; private set; }

    /// <summary>Which Redis: null = installed, otherwise Garnet; <c>garnet</c> = Garnet. Default: POINTSYSTEM_REDIS.</summary>
    public string? Redis { get; set; }

    /// <summary>
    /// Which sidecar: null = daprd if found, otherwise the stand-in; <c>stand-in</c> = the stand-in. Default: POINTSYSTEM_SIDECAR.
    /// </summary>
    public string? Sidecar { get; set; }

    /// <summary>Whether RabbitMQ is started too, and gets every event. Default false.</summary>
    public bool RabbitMq { get; set; }

    /// <summary>Whether a standby of the local PostgreSQL answers reads of members. Default false.</summary>
    public bool ReadReplica { get; set; }

    /// <summary>The port of a local OpenID provider, 0 … 65535; 0 = any free port. Default: none.</summary>
    public int? IdentityProvider { get; set; }

    /// <summary>The private key of the local OpenID provider: a new one for each run.</summary>
    public string IdentityKey => _identityKey.Value;

    /// <summary>The secret of the clients of the local OpenID provider: a new one for each run.</summary>
    public string ClientSecret { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>The issuer of the tokens of the local OpenID provider.</summary>
    public string Issuer => new Uri(IdentityCommand.Address(IdentityProvider!.Value), RealmTokens.RealmPath).ToString();

    /// <summary>The secrets of the data directory.</summary>
    public Secrets Secrets { get; private set; } = null!;

    /// <summary>The folder with Dapr's component files, used unchanged.</summary>
    public string Components { get; private set; } = "";

    public string Logs => Path.Combine(Data, "logs");

    /// <summary>The file with the latest token of the local administrator, readable only by its owner.</summary>
    public string AdminTokenFile => Path.Combine(Data, "admin-token");

    public IEnumerable<string> ReplicaNames => Enumerable.Range(1, Replicas).Select(number => string.Create(CultureInfo.InvariantCulture, $"api-{number}"));

    /// <summary>Connections for all replicas, for notifications, for the migration and jobs, and a few for manual queries.</summary>
    public int DatabaseConnections => (Replicas * PoolSize) + 30;

    /// <summary>The program behind each resource, by resource name, for the ready block.</summary>
    public IDictionary<string, string> Parts { get; } = new Dictionary<string, string>();

    /// <summary>
    /// Name of a container's volume. It depends on the secrets, because a database accepts only the password that it was created with.
    /// </summary>
    public string VolumeFor(string resource) =>
        $"pointsystem-{resource}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Secrets.PostgresPassword)))[..12]}";

    /// <summary>Reads, checks and completes the settings; starts nothing.</summary>
    /// <exception cref="LocalException">A value is invalid, the port is in use, or the data directory cannot be used.</exception>
    public static Settings Read(IDistributedApplicationBuilder builder, Arguments commandLine)
    {
        var settings = Complete(builder, commandLine);
        settings.Check();
        settings.Open();
        return settings;
    }

    /// <summary>Reads the settings of a cluster that was started before, and may be running.</summary>
    /// <exception cref="LocalException">A value cannot be read, or there is no such cluster.</exception>
    public static Settings ReadExisting(IDistributedApplicationBuilder builder, Arguments commandLine)
    {
        var settings = Complete(builder, commandLine);
        settings.Secrets = Secrets.Load(settings.Data);
        return settings;
    }

    private static Settings Complete(IDistributedApplicationBuilder builder, Arguments commandLine)
    {
        var clone = Path.GetFullPath(Path.Combine(builder.AppHostDirectory, ".."));
        // Inserted first, so that the environment and the command line override it, wherever the app host is started from.
        var file = new JsonConfigurationSource { Path = Path.Combine(builder.AppHostDirectory, "appsettings.json"), Optional = true };
        builder.Configuration.Sources.Insert(0, file);
        file.ResolveFileProvider();
        builder.Configuration.AddInMemoryCollection(commandLine.Values);
        var settings = Bind(builder.Configuration);
        settings.IsConnectionStringVisible = commandLine.Values.ContainsKey($"{SectionName}:{nameof(ConnectionString)}");
        settings.ConnectionString ??= builder.Configuration.GetConnectionString(Database.Points);
        settings.Redis ??= builder.Configuration["POINTSYSTEM_REDIS"];
        settings.Sidecar ??= builder.Configuration["POINTSYSTEM_SIDECAR"];
        settings.Data = Path.GetFullPath(settings.Data is { Length: > 0 } given ? given : DataDirectory.Default(clone));
        settings.Components = Path.Combine(clone, "components");
        return settings;
    }

    private static Settings Bind(ConfigurationManager configuration)
    {
        try
        {
            return configuration.GetSection(SectionName).Get<Settings>() ?? new Settings();
        }
        catch (InvalidOperationException fault)
        {
            throw new LocalException($"A setting cannot be read: {fault.Message}", fault);
        }
    }

    private void Check()
    {
        if (Replicas is < 1 or > ReplicasMax)
        {
            throw new LocalException($"--replicas must be a whole number from 1 to {ReplicasMax}.");
        }
        if (Port is < 0 or > 65535)
        {
            throw new LocalException("--port must be a whole number from 0 to 65535 (0 = any free port).");
        }
        if (ConnectionString is not null && Fresh)
        {
            throw new LocalException("--fresh cannot be combined with a connection string: it deletes only our own data directories.");
        }
        if (IdentityProvider is < 0 or > 65535)
        {
            throw new LocalException("--identity-provider must be a whole number from 0 to 65535 (0 = any free port).");
        }
        Port = Free(Port, "--port");
        IdentityProvider = IdentityProvider is { } port ? Free(port, "--identity-provider") : null;
    }

    private static int Free(int port, string option) =>
        port == 0 ? Ports.Next()
        : Ports.IsFree(port) ? port
        : throw new LocalException($"Port {port} is in use by another program: choose another with {option} N (0 = any free port).");

    private void Open()
    {
        // Locked only briefly: the server that uses the data holds the lock while it runs.
        using var data = DataDirectory.Open(Data);
        if (Fresh)
        {
            data.Clear();
        }
        Secrets = Secrets.LoadOrCreate(Data);
        PrivateFiles.CreateDirectory(Logs);
    }
}

internal static class SettingsExtensions
{
    /// <inheritdoc cref="Settings.Read"/>
    public static Settings ReadSettings(this IDistributedApplicationBuilder builder, Arguments commandLine) => Settings.Read(builder, commandLine);

    /// <inheritdoc cref="Settings.ReadExisting"/>
    public static Settings ReadExistingSettings(this IDistributedApplicationBuilder builder, Arguments commandLine) =>
        Settings.ReadExisting(builder, commandLine);
}
