using System.Reflection;

namespace PointSystem.TestKit;

/// <summary>Where the build put the programs, and where the repository lies.</summary>
public static class BuildOutputs
{
    /// <summary>The folder of PointSystem.sln.</summary>
    public static string Repository { get; } = Metadata("PointSystem.Repository");

    /// <summary>The path of PointSystem.Api.dll, in its own output folder.</summary>
    public static string Api { get; } = Metadata("PointSystem.Api");

    /// <summary>The path of PointSystem.Gateway.dll, in its own output folder.</summary>
    public static string Gateway { get; } = Metadata("PointSystem.Gateway");

    /// <summary>Dapr's component files, as every way of running uses them.</summary>
    public static string Components { get; } = Path.Combine(Repository, "components");

    private static string Metadata(string key) =>
        typeof(BuildOutputs).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
