using System.Security.Cryptography;
using System.Text.Json;

namespace PointSystem.Local;

/// <summary>Made once for each data directory and kept in it, readable by its owner alone.</summary>
/// <param name="SigningKey">Base64 of 48 random bytes: what tokens are signed with.</param>
/// <param name="PostgresPassword">Of the database's owner.</param>
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
            // Said below, for every kind of damage.
        }
        throw new LocalException($"{path} is damaged: start anew with --fresh (deletes all points), or put the file back.");
    }
}
