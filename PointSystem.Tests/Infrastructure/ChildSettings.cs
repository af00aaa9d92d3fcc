using System.Runtime.CompilerServices;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Environment variables for every process that tests start, in whatever way. One that is set already stays.</summary>
internal static class ChildSettings
{
    /// <summary>The longest warm-up of a replica. Tests of warm-ups and of restarts under load set it.</summary>
    public const string WarmUpLimit = "WarmUp__Limit";

    [ModuleInitializer]
    internal static void Apply()
    {
        // Replicas are ready without a warm-up: it would take up to ten seconds of every start, and tests count statements, sessions and log
        // lines from the first moment on.
        Set(WarmUpLimit, "00:00:00");

        // Hundreds of processes live for seconds. Code that is compiled a second time because it was called often does not pay in so short a time, and
        // neither does memory that is mapped twice so that no page is both writable and executable.
        Set("DOTNET_TC_CallCounting", "0");
        Set("DOTNET_EnableWriteXorExecute", "0");
    }

    private static void Set(string name, string value) => Environment.SetEnvironmentVariable(name, Environment.GetEnvironmentVariable(name) ?? value);
}
