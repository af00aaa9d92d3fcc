using Microsoft.Extensions.Options;

namespace PointSystem.Api.Jobs;

internal static class JobExtensions
{
    /// <summary>Registers the background jobs.</summary>
    public static IHostApplicationBuilder AddPointJobs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<JobOptions>().BindConfiguration(JobOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<JobOptions>, JobOptionsValidator>();
        builder.Services.AddSingleton<AdvisoryLocks>();
        builder.Services.AddSingleton<JobRunner>();
        builder.Services.AddSingleton<ExpiryNotices>();
        builder.Services.AddHostedService<ExpiryJob>();
        builder.Services.AddHostedService<IdempotencyCleanupJob>();
        builder.Services.AddHostedService<CheckpointJob>();
        return builder;
    }
}
