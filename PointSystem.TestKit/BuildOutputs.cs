using System.Reflection;

namespace PointSystem.TestKit;

/// <summary>The paths of the built programs and of the repository.</summary>
public static class BuildOutputs
{
    /// <summary>The folder of PointSystem.sln.</summary>
    public static string Repository { get; } = Metadata("PointSystem.Repository");

    /// <summary>The path of PointSystem.Api.dll, in its own output folder.</summary>
    public static string Api { get; } = Metadata("PointSystem.Api");

    /// <summary>The path of PointSystem.Gateway.dll, in its own output folder.</summary>
    public static string Gateway { get; } = Metadata("PointSystem.Gateway");

    /// <summary>The folder with Dapr's component files, the same for every way of running.</summary>
    public static string Components { get; } = Path.Combine(Repository, "components");

    private static string Metadata(string key) =>
        typeof(BuildOutputs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
