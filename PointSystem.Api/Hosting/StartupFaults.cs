using Microsoft.Extensions.Options;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Hosting;

/// <summary>Faults of the environment, not of the program: reported in one sentence, without a stack trace.</summary>
internal static class StartupFaults
{
    /// <summary>The sentence to report; null for a fault that needs its stack trace.</summary>
    public static string? Describe(Exception fault) => fault switch
    {
        ConfigurationFaultException => fault.Message,
        OptionsValidationException invalid => string.Join(Environment.NewLine, invalid.Failures),

        // A setting that is not of its type; the message names it.
        InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" } => fault.Message,
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException taken } => taken.Message,
        _ => DatabaseErrors.DescribeAtStart(fault),
    };
}
