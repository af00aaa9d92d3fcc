using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Locking;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// The whole write path of one replica as the service composes it, from the executor to the ledger, with a connection pool of its own, inside the process
/// of the test. Several on one database are several replicas; their lock store is the test's to choose.
/// </summary>
internal sealed class PointReplica : IAsyncDisposable
{
    private readonly IHost _host;

    private PointReplica(IHost host)
    {
        _host = host;
        Sums = new MeterSums(host.Services.GetRequiredService<IMeterFactory>());
    }

    public MeterSums Sums { get; }

    public CombiningExecutor<IPointCommand, CommandOutcome> Executor => _host.Services.GetRequiredService<CombiningExecutor<IPointCommand, CommandOutcome>>();

    public LockMonitor Monitor => _host.Services.GetRequiredService<LockMonitor>();

    /// <param name="connectionString">The database.</param>
    /// <param name="store">The lock store.</param>
    /// <param name="modes">Chooses modes; null: the run-time configuration in the database does, as in the service.</param>
    /// <param name="settings">Configuration.</param>
    public static async Task<PointReplica> StartAsync(
        string connectionString, ILockStore store, ILockModeSource? modes = null, params IReadOnlyList<(string Key, string Value)> settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.Configuration.AddInMemoryCollection([KeyValuePair.Create("ConnectionStrings:points", (string?)connectionString)]);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(store);
        builder.AddPersistence();
        builder.AddPointRules();
        builder.AddLedger();
        builder.AddPoints();
        if (modes is not null)
        {
            builder.Services.AddSingleton(modes);
        }
        var replica = new PointReplica(builder.Build());
        await replica._host.StartAsync(TestContext.Current.CancellationToken);
        return replica;
    }

    public Task<CommandOutcome> SendAsync<TCommand>(TCommand command, CancellationToken cancellationToken)
        where TCommand : class, IPointCommand =>
        Executor.ExecuteAsync(command, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        Sums.Dispose();
        _host.Dispose();
    }
}
