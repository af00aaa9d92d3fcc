namespace PointSystem.Local;

/// <summary>
/// Files and directories that only their owner can read, from the moment on in which they exist. On Windows the parent directory's access
/// rules apply: the default one is in the user's profile.
/// </summary>
internal static class PrivateFiles
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerDirectory = OwnerFile | UnixFileMode.UserExecute;

    /// <summary>Creates a file, which must not exist.</summary>
    public static FileStream Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerFile;
        }
        return new FileStream(path, options);
    }

    /// <summary>Writes one line, in place of an existing file: a reader sees the old one or the new one.</summary>
    public static void Write(string path, string line)
    {
        var writing = $"{path}.{Guid.NewGuid():n}";
        using (var writer = new StreamWriter(Create(writing)))
        {
            writer.WriteLine(line);
        }
        File.Move(writing, path, overwrite: true);
    }

    /// <summary>Creates a directory and its missing parents. An existing one keeps its mode.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="passable">Whether other users may pass through it, to what they may read below it.</param>
    public static void CreateDirectory(string path, bool passable = false)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, passable ? OwnerDirectory | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : OwnerDirectory);
        }
    }
}
