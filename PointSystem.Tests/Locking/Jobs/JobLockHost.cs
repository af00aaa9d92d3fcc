using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking.Jobs;

/// <summary>Job locks composed as in an application, on an in-memory store and a clock that the test moves.</summary>
internal sealed class JobLockHost : IAsyncDisposable
{
    private readonly IHost _host;

    private JobLockHost(IHost host, FakeTimeProvider clock, MemoryLockStore store)
    {
        _host = host;
        Clock = clock;
        Store = store;
    }

    public FakeTimeProvider Clock { get; }

    public MemoryLockStore Store { get; }

    public IJobLocks Locks => _host.Services.GetRequiredService<IJobLocks>();

    public static async Task<JobLockHost> StartAsync()
    {
        var clock = new FakeTimeProvider();
        var store = new MemoryLockStore(clock);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<TimeProvider>(clock);
        builder.Services.AddSingleton<ILockStore>(store);
        builder.AddDistributedLocks();
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new JobLockHost(host, clock, store);
    }

    /// <summary>Moves the clock in small steps and lets due timers run in between. A slow machine only makes it slower.</summary>
    public async Task PassAsync(TimeSpan time, Action? afterEach = null)
    {
        var step = TimeSpan.FromMilliseconds(50);
        for (var passed = TimeSpan.Zero; passed < time; passed += step)
        {
            Clock.Advance(step);
            await Eventually.LetOthersRunAsync();
            afterEach?.Invoke();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        _host.Dispose();
    }
}
