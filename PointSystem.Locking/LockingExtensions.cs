using System.Reflection;
using Dapr.Client;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Jobs;
using PointSystem.Locking.Keys;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Resilience;
using PointSystem.Locking.Store;

namespace PointSystem.Locking;

/// <summary>Adds distributed locks to an application.</summary>
public static class LockingExtensions
{
    /// <summary>
    /// Adds <see cref="IDistributedLocks"/>, <see cref="IJobLocks"/> and <see cref="LockMonitor"/> on Dapr's lock API, configured by the
    /// section <c>Locking</c>. Registers the shared <see cref="DaprClient"/> if there is none yet; its endpoint comes from
    /// <c>DAPR_GRPC_ENDPOINT</c> or <c>DAPR_GRPC_PORT</c>. Options and templates are checked when the host starts. Meter and activity
    /// source are named <c>PointSystem.Locking</c>.
    /// </summary>
    public static IHostApplicationBuilder AddDistributedLocks(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        services.AddOptions<LockingOptions>()
            .Configure<IConfiguration>(static (options, configuration) =>
                options.Holder = configuration["Replica:Name"] is { Length: > 0 } name ? name : options.Holder)
            .BindConfiguration(LockingOptions.SectionName).ValidateDataAnnotations()
            // The binder also accepts the number of an enum value.
            .Validate<IConfiguration>(
                static (options, configuration) => !IsNumber(configuration, nameof(options.Mode)), "Locking:Mode must be distributed, adaptive or row.")
            .Validate<IConfiguration>(
                static (options, configuration) => !IsNumber(configuration, nameof(options.OnLockTimeout)), "Locking:OnLockTimeout must be bypass or refuse.")
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LockingOptions>, LockingOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => DaprClientFactory.Create(provider.GetRequiredService<IConfiguration>()));
        services.TryAddSingleton<ILockStore, DaprLockStore>();
        services.TryAddSingleton<KeyedGate>();
        services.TryAddSingleton<LockMetrics>();
        services.TryAddSingleton<BackgroundWork>();
        services.TryAddSingleton<LockProbe>();
        services.TryAddSingleton<LockBreaker>();
        services.TryAddSingleton<GhostCleaner>();
        services.TryAddSingleton<ResilientLockStore>();
        services.TryAddSingleton<LockReleaser>();
        services.TryAddSingleton<CommandLockTable>();
        services.TryAddSingleton<DistributedLocks>();
        services.TryAddSingleton<IDistributedLocks>(provider => provider.GetRequiredService<DistributedLocks>());
        services.TryAddSingleton(provider => new LockMonitor(
            provider.GetRequiredService<KeyedGate>(), provider.GetRequiredService<LockBreaker>(), provider.GetRequiredService<IOptions<LockingOptions>>(),
            provider.GetServices<ICombiner>()));
        services.TryAddSingleton<ILockModeSource, OptionsModeSource>();
        services.TryAddSingleton<JobLockMetrics>();
        services.TryAddSingleton<IJobLocks, JobLocks>();
        services.AddLockPipeline();
        services.AddHostedService<LockingService>();
        return builder;
    }

    /// <summary>
    /// Adds a <see cref="CombiningExecutor{TCommand, TOutcome}"/>. Register an <see cref="ILockModeSource"/> to choose the mode at run
    /// time; without one the mode of the options applies.
    /// </summary>
    public static IServiceCollection AddCombiningExecutor<TCommand, TOutcome, THandler>(this IServiceCollection services)
        where TCommand : class
        where TOutcome : class
        where THandler : class, IBatchHandler<TCommand, TOutcome>
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<IBatchHandler<TCommand, TOutcome>, THandler>();
        services.AddSingleton(provider => new CombiningExecutor<TCommand, TOutcome>(
            provider.GetRequiredService<CommandLockTable>(), provider.GetRequiredService<DistributedLocks>(),
            provider.GetRequiredService<IBatchHandler<TCommand, TOutcome>>(), provider.GetRequiredService<ILockModeSource>(),
            provider.GetRequiredService<IOptions<LockingOptions>>(), provider.GetRequiredService<LockMetrics>(), provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<CombiningExecutor<TCommand, TOutcome>>>()));
        services.AddSingleton<ICombiner>(provider => provider.GetRequiredService<CombiningExecutor<TCommand, TOutcome>>());
        return services;
    }

    /// <summary>Registers every type of the assembly that carries a <see cref="DistributedLockAttribute"/>.</summary>
    public static IServiceCollection AddLockedCommands(this IServiceCollection services, Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        return services.AddLockedCommands([.. assembly.GetTypes().Where(type => type.IsDefined(typeof(DistributedLockAttribute), inherit: false))]);
    }

    /// <summary>Registers the given command types.</summary>
    public static IServiceCollection AddLockedCommands(this IServiceCollection services, params Type[] commandTypes)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(commandTypes);
        foreach (var type in commandTypes)
        {
            services.AddSingleton(new LockedCommandType(type));
        }
        return services;
    }

    private static bool IsNumber(IConfiguration configuration, string setting) =>
        int.TryParse(configuration[$"{LockingOptions.SectionName}:{setting}"], out _);
}
