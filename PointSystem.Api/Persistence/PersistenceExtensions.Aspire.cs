using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Persistence;

internal static partial class PersistenceExtensions
{
    /// <summary>Adds the spans and metrics of Aspire's integration, and nothing that would make this build behave in another way than one without Aspire.</summary>
    static partial void AddAspire(IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration[TelemetryOptions.OtlpEndpointKey]))
        {
            // It would set OpenTelemetry up for nobody.
            return;
        }
        builder.EnrichNpgsqlDbContext<PointDbContext>(static settings =>
        {
            // A retry may send a write again whose commit has arrived. Whether to try again is decided where that is known: in the ledger.
            settings.DisableRetry = true;
            // DatabaseHealthCheck asks more (the schema) and is bounded in time.
            settings.DisableHealthChecks = true;
        });
    }
}
