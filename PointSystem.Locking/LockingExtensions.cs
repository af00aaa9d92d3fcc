using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace PointSystem.Locking;

/// <summary>Adds distributed locks to an application.</summary>
public static class LockingExtensions
{
    /// <summary>
    /// Adds <see cref="IDistributedLocks"/> and <see cref="LockedExecutor"/> on Dapr's lock API, configured by the section <c>Locking</c>.
    /// Registers the shared <c>DaprClient</c> if there is none yet. Options and templates are checked when the host starts.
    /// </summary>
    public static IHostApplicationBuilder AddDistributedLocks(this IHostApplicationBuilder builder) => builder;

    /// <summary>Registers every type of the assembly that carries a <see cref="DistributedLockAttribute"/>.</summary>
    public static IServiceCollection AddLockedCommands(this IServiceCollection services, Assembly assembly) => services;

    /// <summary>Registers the given command types.</summary>
    public static IServiceCollection AddLockedCommands(this IServiceCollection services, params Type[] commandTypes) => services;
}
