using System.Reflection;

namespace PointSystem.Local.Cluster;

/// <summary>Where the build put the API and where the repository lies, as assembly metadata of the program that was started.</summary>
internal static class BuildPaths
{
    private const string ApiFile = "PointSystem.Api.dll";

    /// <exception cref="LocalException">It is nowhere.</exception>
    public static string Api(LocalClusterOptions options)
    {
        string?[] candidates =
        [
            options.ApiAssembly,
            Environment.GetEnvironmentVariable("POINTSYSTEM_API"),
            Metadata("PointSystem.ApiAssembly"),
            Path.Combine(AppContext.BaseDirectory, ApiFile),
        ];
        var chosen = candidates.FirstOrDefault(path => !string.IsNullOrEmpty(path))!;
        return File.Exists(chosen)
            ? Path.GetFullPath(chosen)
            : throw new LocalException($"{chosen} does not exist: build the solution, or name the file with --api.");
    }

    /// <exception cref="LocalException">There is no such directory.</exception>
    public static string Components(LocalClusterOptions options)
    {
        var directory = options.ComponentsDirectory ?? Path.Combine(RepositoryRoot() ?? AppContext.BaseDirectory, "components");
        return Directory.Exists(directory)
            ? Path.GetFullPath(directory)
            : throw new LocalException($"There are no Dapr components in {directory}: name their directory with --components.");
    }

    /// <summary>Told by the program's metadata, else the nearest directory above with the solution in it.</summary>
    public static string? RepositoryRoot()
    {
        if (Metadata("PointSystem.RepositoryRoot") is { } root && Directory.Exists(root))
        {
            return Path.GetFullPath(root);
        }
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "PointSystem.sln")))
            {
                return directory.FullName;
            }
        }
        return null;
    }

    private static string? Metadata(string key) => Assembly.GetEntryAssembly()?
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .FirstOrDefault(attribute => attribute.Key == key)?.Value;
}
