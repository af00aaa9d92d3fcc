using PointSystem.Api.Persistence;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Hosting;

/// <summary>Faults of the environment, not of the program: reported in one sentence, without a stack trace.</summary>
internal static class StartupFaults
{
    /// <summary>The sentence to report; null for a fault that needs its stack trace.</summary>
    public static string? Describe(Exception fault) => fault switch
    {
        ConfigurationFaultException => fault.Message,
        _ => StartFaults.Describe(fault) ?? DatabaseErrors.DescribeAtStart(fault),
    };
}
