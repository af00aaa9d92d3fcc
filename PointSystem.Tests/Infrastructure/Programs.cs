namespace PointSystem.Tests.Infrastructure;

/// <summary>Where programs are.</summary>
internal static class Programs
{
    /// <summary>The folder of PointSystem.sln.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>A program on PATH or in one of the folders, or null.</summary>
    public static string? Find(string name, params IEnumerable<string> folders)
    {
        var file = OperatingSystem.IsWindows() ? name + ".exe" : name;
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Concat(folders)
            .Select(folder => Path.Combine(folder, file))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>Starts PointSystem.Local, which the build puts beside the tests, as a process of its own.</summary>
    public static ChildProcess StartLocal(IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null) =>
        ChildProcess.Start("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "PointSystem.Local.dll"), .. arguments], environment);

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PointSystem.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new InvalidOperationException("The tests do not lie inside the repository.");
    }
}
