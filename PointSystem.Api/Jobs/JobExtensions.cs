namespace PointSystem.Api.Jobs;

internal static class JobExtensions
{
    /// <summary>Registers the background jobs.</summary>
    public static IHostApplicationBuilder AddPointJobs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<JobOptions>().BindConfiguration(JobOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddHostedService<ExpiryJob>();
        builder.Services.AddHostedService<IdempotencyCleanupJob>();
        return builder;
    }
}
