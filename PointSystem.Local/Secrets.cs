using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace PointSystem.Local;

/// <summary>The secrets of a data directory: created once and stored in it, readable only by its owner.</summary>
/// <param name="SigningKey">Base64 of 48 random bytes; signs the tokens.</param>
/// <param name="PostgresPassword">Password of the database's owner; that of the replicas' user is derived from it.</param>
internal sealed record Secrets(string SigningKey, string PostgresPassword)
{
    private const string FileName = "secrets.json";

    /// <summary>Password of the broker's user, as that of the replicas' user: who has it learns nothing about that of the database's owner.</summary>
    public string BrokerPassword => Derive(PostgresPassword, "rabbitmq");

    /// <summary>A password for a user, made from another one, so that nothing more has to be stored. It does not lead back.</summary>
    public static string Derive(string password, string user) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(password), Encoding.UTF8.GetBytes(user)))[..48];

    public static Secrets LoadOrCreate(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (File.Exists(path))
        {
            return Read(path);
        }
        var secrets = new Secrets(
            Convert.ToBase64String(RandomNumberGenerator.GetBytes(48)),
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)));
        using var file = PrivateFiles.Create(path);
        JsonSerializer.Serialize(file, secrets);
        return secrets;
    }

    /// <exception cref="LocalException">The directory has none: no cluster was ever started there.</exception>
    public static Secrets Load(string directory)
    {
        var path = Path.Combine(directory, FileName);
        return File.Exists(path)
            ? Read(path)
            : throw new LocalException($"There is no cluster in {directory}: start it once, or name its directory with --data DIR.");
    }

    private static Secrets Read(string path)
    {
        try
        {
            if (JsonSerializer.Deserialize<Secrets>(File.ReadAllText(path)) is { SigningKey: not null, PostgresPassword: not null } secrets)
            {
                return secrets;
            }
        }
        catch (JsonException)
        {
            // Reported below, for every kind of damage.
        }
        throw new LocalException($"{path} is damaged: start again with --fresh (deletes all points), or restore the file.");
    }
}
