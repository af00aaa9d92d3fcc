using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace PointSystem.ServiceDefaults;

/// <summary>Faults of the settings and of the machine that end the start of any service: reported in a sentence, without a stack trace.</summary>
public static class StartFaults
{
    /// <summary>The sentence to report; null for a fault that needs its stack trace.</summary>
    public static string? Describe(Exception fault) => fault switch
    {
        OptionsValidationException invalid => string.Join(Environment.NewLine, invalid.Failures),

        // A setting that is not of its type; the message names it.
        InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" } => fault.Message,
        IOException { InnerException: AddressInUseException taken } => taken.Message,
        _ => null,
    };
}
