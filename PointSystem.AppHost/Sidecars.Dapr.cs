using System.Collections.Immutable;
using CommunityToolkit.Aspire.Hosting.Dapr;
using PointSystem.Local.Cluster;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static partial class Sidecars
{
    static partial void TryAddDapr(
        IResourceBuilder<ProjectResource> replica, IResourceBuilder<IResource> redis, ReferenceExpression redisHost, Settings settings, ref bool added)
    {
        // Without its launcher the toolkit stops the whole app host, and without the runtime beside it (`dapr init`) the launcher ends at once.
        if (Executables.OnPath("dapr") is null || !SidecarSpecs.IsDaprInitialized || settings.Cluster.Sidecar == SidecarSpecs.ChoiceStandIn)
        {
            return;
        }
        replica.WaitFor(redis).WithDaprSidecar(sidecar => sidecar
            .WithOptions(new DaprSidecarOptions
            {
                AppId = SidecarSpecs.AppId,
                ResourcesPaths = ImmutableHashSet.Create(settings.Components),
            })
            // The launcher is given the sidecar's environment, and hands it on to the runtime.
            .WithAnnotation(new EnvironmentCallbackAnnotation(context => context.EnvironmentVariables[RedisHost] = redisHost)));
        added = true;
    }
}
