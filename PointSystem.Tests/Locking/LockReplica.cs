using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking;

/// <summary>The locks of one replica in their own host, composed as in an application, with the sums of its metrics.</summary>
internal sealed class LockReplica : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly MeterSums _sums;

    private LockReplica(IHost host)
    {
        _host = host;
        _sums = new MeterSums(host.Services.GetRequiredService<IMeterFactory>());
    }

    public IDistributedLocks Locks => _host.Services.GetRequiredService<IDistributedLocks>();

    public IJobLocks JobLocks => _host.Services.GetRequiredService<IJobLocks>();

    public LockMonitor Monitor => _host.Services.GetRequiredService<LockMonitor>();

    public static IHost Build(ILockStore? store, Type[] commands, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.Logging.ClearProviders();
        if (store is not null)
        {
            builder.Services.AddSingleton(store);
        }
        builder.AddDistributedLocks();
        builder.Services.AddLockedCommands(commands);
        return builder.Build();
    }

    public static async Task<LockReplica> StartAsync(ILockStore? store, Type[] commands, params (string Key, string Value)[] settings)
    {
        var replica = new LockReplica(Build(store, commands, settings));
        await replica._host.StartAsync(Token);
        return replica;
    }

    /// <summary>The sum of a counter so far, for example <c>pointsystem.lock.acquire outcome=acquired</c>. Without a tag: over all tags.</summary>
    public long Count(string counter) => _sums[counter];

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        _sums.Dispose();
        _host.Dispose();
    }
}
