using System.Runtime.CompilerServices;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Environment variables for every process that tests start, in whatever way.</summary>
internal static class ChildSettings
{
    /// <summary>The longest warm-up of a replica. Tests of warm-ups and of restarts under load set it.</summary>
    public const string WarmUpLimit = "WarmUp__Limit";

    private const string CallCounting = "DOTNET_TC_CallCounting";

    [ModuleInitializer]
    internal static void Apply()
    {
        // Replicas are ready without a warm-up: it would take up to ten seconds of every start, and tests count statements, sessions and log
        // lines from the first moment on.
        Environment.SetEnvironmentVariable(WarmUpLimit, "00:00:00");

        // Hundreds of processes live for seconds: too short for code to pay that is compiled a second time because it was called often. A quarter of the
        // processor time of the proof suite.
        Environment.SetEnvironmentVariable(CallCounting, "0");
    }
}
