using PointSystem.Local;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

/// <summary>
/// Detects whether containers can be started. Checked before one is added: without a runtime a container never starts, and everything
/// that waits for it waits forever.
/// </summary>
internal static class ContainerRuntime
{
    private const string Setting = "POINTSYSTEM_CONTAINERS";
    private const string RuntimeSetting = "ASPIRE_CONTAINER_RUNTIME";

    /// <summary>
    /// True when Docker or Podman responds. The setting <c>POINTSYSTEM_CONTAINERS</c>, true or false, replaces the check.
    /// </summary>
    /// <exception cref="LocalException">The setting is neither true nor false.</exception>
    public static bool HasContainers(this IDistributedApplicationBuilder builder) => builder.Configuration[Setting] switch
    {
        null or "" => Find(builder),
        var text => bool.TryParse(text, out var given) ? given : throw new LocalException($"{Setting} must be true or false."),
    };

    private static bool Find(IDistributedApplicationBuilder builder)
    {
        string[] candidates = builder.Configuration[RuntimeSetting] is { Length: > 0 } chosen ? [chosen] : ["docker", "podman"];
        // `info` contacts the server; the client may be installed without one.
        if (candidates.FirstOrDefault(runtime => Executables.Runs(runtime, "info")) is not { } found)
        {
            return false;
        }
        builder.Configuration[RuntimeSetting] = found;
        return true;
    }
}
