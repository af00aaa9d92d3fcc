using System.Runtime.Versioning;
using PointSystem.Local;

namespace PointSystem.Tests.Local;

/// <summary>Who may read what the local run writes.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class PrivateFilesTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"points-private-{Guid.NewGuid():n}");

    public PrivateFilesTests() => Needs.FileModes();

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Fact]
    public void DataDirectory_New_CannotBeListedByOthersAndItsSecretsAreTheOwners()
    {
        using var data = DataDirectory.Open(_directory);
        Secrets.LoadOrCreate(data.Root);

        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(_directory) & Others);
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Path.Combine(_directory, "secrets.json")));
    }

    [Fact]
    public void Write_InPlaceOfAReadableFile_IsTheOwnersAlone()
    {
        PrivateFiles.CreateDirectory(_directory);
        var path = Path.Combine(_directory, "token");
        File.WriteAllText(path, "old");
        File.SetUnixFileMode(path, OwnerOnly | UnixFileMode.OtherRead);

        PrivateFiles.Write(path, "new");

        Assert.Equal("new", File.ReadAllText(path).TrimEnd());
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFiles(_directory));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(_directory));
    }

    [Fact]
    public void Create_ExistingFile_IsRefused()
    {
        PrivateFiles.CreateDirectory(_directory);
        var path = Path.Combine(_directory, "token");
        PrivateFiles.Create(path).Dispose();

        Assert.Throws<IOException>(() => PrivateFiles.Create(path));
    }
}
