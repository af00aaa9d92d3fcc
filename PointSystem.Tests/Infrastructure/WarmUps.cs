using System.Runtime.CompilerServices;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// Replicas that tests start, in whatever way, are ready without a warm-up: it would take up to ten seconds of every start, and tests count
/// statements, sessions and log lines from the first moment on. Tests of warm-ups and of restarts under load set it.
/// </summary>
internal static class WarmUps
{
    /// <summary>The environment variable for the longest warm-up of a replica.</summary>
    public const string Limit = "WarmUp__Limit";

    // Every child process inherits it.
    [ModuleInitializer]
    internal static void SwitchOff() => Environment.SetEnvironmentVariable(Limit, "00:00:00");
}
