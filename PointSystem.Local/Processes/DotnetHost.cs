using System.Runtime.InteropServices;

namespace PointSystem.Local.Processes;

/// <summary>Finds the `dotnet` that runs this process, and this assembly, to start our own programs.</summary>
internal static class DotnetHost
{
    public static string Path { get; } = Find();

    public static string LocalAssembly => typeof(DotnetHost).Assembly.Location;

    /// <summary>The arguments that start a verb of this assembly.</summary>
    public static IReadOnlyList<string> Verb(string verb, params string[] arguments) => [LocalAssembly, verb, .. arguments];

    private static string Find()
    {
        // <root>/shared/Microsoft.NETCore.App/<version>/ is the runtime's folder; the host of the same installation is at its root.
        var name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        var besideRuntime = System.IO.Path.GetFullPath(System.IO.Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(besideRuntime) ? besideRuntime : Executables.OnPath("dotnet") ?? "dotnet";
    }
}
