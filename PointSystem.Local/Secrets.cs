using System.Security.Cryptography;
using System.Text.Json;

namespace PointSystem.Local;

/// <summary>The secrets of a data directory: created once and stored in it, readable only by its owner.</summary>
/// <param name="SigningKey">Base64 of 48 random bytes; signs the tokens.</param>
/// <param name="PostgresPassword">Password of the database's owner; that of the replicas' user is derived from it.</param>
internal sealed record Secrets(string SigningKey, string PostgresPassword)
{
    public static Secrets LoadOrCreate(string directory)
    {
        var path = Path.Combine(directory, "secrets.json");
        if (File.Exists(path))
        {
            return Read(path);
        }
        var secrets = new Secrets(
            Convert.ToBase64String(RandomNumberGenerator.GetBytes(48)),
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)));
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        using var file = new FileStream(path, options);
        JsonSerializer.Serialize(file, secrets);
        return secrets;
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
