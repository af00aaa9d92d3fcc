using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PointSystem.Locking;
using PointSystem.Locking.Store;

namespace PointSystem.Bench.Micro;

/// <summary>A command's way through the executor, from enqueueing to its outcome; store and handler do nothing.</summary>
public class ExecutorBenchmark
{
    private const int Callers = 100;
    private IHost _host = null!;
    private CombiningExecutor<Command, string> _executor = null!;
    private long _next;

    [Params("distributed", "adaptive", "row")]
    public string Mode { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration["Locking:Mode"] = Mode;
        builder.Services.AddSingleton<ILockStore, EmptyStore>();
        builder.AddDistributedLocks();
        builder.Services.AddLockedCommands(typeof(Command));
        builder.Services.AddCombiningExecutor<Command, string, EmptyHandler>();
        _host = builder.Build();
        _host.Start();
        _executor = _host.Services.GetRequiredService<CombiningExecutor<Command, string>>();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _host.StopAsync().GetAwaiter().GetResult();
        _host.Dispose();
    }

    /// <summary>One command at a time, each on its own key.</summary>
    [Benchmark]
    public Task<string> Alone() => _executor.ExecuteAsync(new Command(++_next), CancellationToken.None);

    /// <summary>A hundred commands at a time on one key; reports the time per command.</summary>
    [Benchmark(OperationsPerInvoke = Callers)]
    public Task<string[]> Crowded() =>
        Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => _executor.ExecuteAsync(new Command(1), CancellationToken.None)));

    [DistributedLock("bench:member:{MemberId}", WaitSeconds = 5, LeaseSeconds = 10)]
    internal sealed record Command(long MemberId);

    private sealed class EmptyHandler : IBatchHandler<Command, string>
    {
        public Task<IReadOnlyList<string?>> ExecuteAsync(
            IReadOnlyList<Command> commands, TimeSpan rowLockWait, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<string?>>([.. commands.Select(_ => "done")]);

        public long Affinity(Command command) => command.MemberId;

        public BatchFault Classify(Exception failure) => BatchFault.RolledBack;
    }

    private sealed class EmptyStore : ILockStore
    {
        public Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken) => Task.FromResult(true);

        public Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken) => Task.FromResult(UnlockStatus.Released);
    }
}
