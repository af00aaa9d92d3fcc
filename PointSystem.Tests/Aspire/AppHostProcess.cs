using System.Reflection;

namespace PointSystem.Tests.Aspire;

/// <summary>The app host as a process, as <c>dotnet run</c> starts it.</summary>
internal static class AppHostProcess
{
    private static readonly string Program = typeof(AppHostProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "PointSystem.AppHost").Value!;

    private static readonly string[] AnyPort = ["--port", "0"];

    public static ChildProcess Start(
        string dataDirectory, IReadOnlyDictionary<string, string?>? environment = null, params string[] arguments) => ChildProcess.Start(
        DotnetHost.Path,
        [Program, "--data", dataDirectory, .. arguments.Contains("--port") ? [] : AnyPort, .. arguments],
        new Dictionary<string, string?>(environment ?? new Dictionary<string, string?>())
        {
            // The test platform sets these for itself.
            ["DOTNET_ENVIRONMENT"] = null,
            ["ASPNETCORE_URLS"] = null,
        });
}
