namespace PointSystem.Local.Processes;

/// <summary>Looks programs up on PATH.</summary>
internal static class Executables
{
    public static string? OnPath(string name) => In(name, Environment.GetEnvironmentVariable("PATH") ?? "");

    internal static string? In(string name, string path)
    {
        string[] names = OperatingSystem.IsWindows() ? [name + ".exe", name + ".cmd"] : [name];
        return path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(directory => names.Select(candidate => Path.Combine(directory.Trim('"'), candidate)))
            .FirstOrDefault(File.Exists);
    }
}
