using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace PointSystem.AppHost;

/// <summary>A background task that runs as long as the app host does.</summary>
internal interface ICompanion
{
    /// <summary>Runs until cancelled. Cancellation may surface as an exception.</summary>
    Task RunAsync(CancellationToken cancellationToken);
}

internal static class Companions
{
    /// <summary>
    /// Starts it before the first resource. A hosted service would start too late: the host stays in the orchestrator's hosted service
    /// until every resource has been started, and forever if one cannot be.
    /// </summary>
    public static void AddCompanion(this IDistributedApplicationBuilder builder, Func<IServiceProvider, ICompanion> create) =>
        builder.Eventing.Subscribe<BeforeStartEvent>((BeforeStartEvent started, CancellationToken _) =>
        {
            var ending = started.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            create(started.Services).RunAsync(ending);
            return Task.CompletedTask;
        });
}
