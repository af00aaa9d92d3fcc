using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PointSystem.Locking;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>A command of a member, identified by a text.</summary>
public abstract record Command(long MemberId, string Text);

[DistributedLock("point:use:member:{MemberId}")]
public sealed record Use(long MemberId, string Text) : Command(MemberId, Text);

[DistributedLock("point:accumulate:member:{MemberId}")]
public sealed record Accumulate(long MemberId, string Text) : Command(MemberId, Text);

[DistributedLock("point:cancel:usage:{MemberId}", WaitSeconds = 0)]
public sealed record NoWaitCommand(long MemberId, string Text) : Command(MemberId, Text);

/// <summary>As <see cref="NoWaitCommand"/>, with the default wait.</summary>
[DistributedLock("point:cancel:usage:{MemberId}")]
public sealed record WaitingCommand(long MemberId, string Text) : Command(MemberId, Text);

[DistributedLock("point:use:member:{MemberId}")]
[DistributedLock("point:accumulate:member:{To}")]
public sealed record Transfer(long MemberId, long To, string Text) : Command(MemberId, Text);

/// <summary>A command that is not registered.</summary>
[DistributedLock("point:use:member:{MemberId}")]
public sealed record Unregistered(long MemberId, string Text) : Command(MemberId, Text);

/// <summary>A batch handler that records its batches, and waits or fails as the test says.</summary>
internal sealed class RecordingHandler : IBatchHandler<Command, string>
{
    private int _running;

    public ConcurrentQueue<IReadOnlyList<Command>> Batches { get; } = new();

    public ConcurrentQueue<TimeSpan> RowLockWaits { get; } = new();

    /// <summary>Runs during every batch; may wait or throw.</summary>
    public Func<IReadOnlyList<Command>, CancellationToken, Task> During { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>The commands whose rows another transaction has locked: left out without a wait, otherwise a failure.</summary>
    public Func<Command, bool> IsBusy { get; set; } = _ => false;

    public Func<Exception, BatchFault> Classifier { get; set; } = _ => BatchFault.RolledBack;

    public int Running => Volatile.Read(ref _running);

    public int ConcurrentMax { get; private set; }

    public async Task<IReadOnlyList<string?>> ExecuteAsync(
        IReadOnlyList<Command> commands, TimeSpan rowLockWait, CancellationToken cancellationToken)
    {
        ConcurrentMax = Math.Max(ConcurrentMax, Interlocked.Increment(ref _running));
        try
        {
            Batches.Enqueue(commands);
            RowLockWaits.Enqueue(rowLockWait);
            await During(commands, cancellationToken);
            if (rowLockWait > TimeSpan.Zero && commands.Any(IsBusy))
            {
                throw new BusyRowException();
            }
            return [.. commands.Select(command => IsBusy(command) ? null : $"done {command.Text}")];
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    /// <summary>Blocks the first batch until the returned source is completed.</summary>
    public TaskCompletionSource BlockFirst()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var isFirst = true;
        During = (_, _) =>
        {
            var wait = isFirst;
            isFirst = false;
            return wait ? gate.Task : Task.CompletedTask;
        };
        return gate;
    }

    public long Affinity(Command command) => command.MemberId;

    public BatchFault Classify(Exception failure) => failure is BusyRowException ? BatchFault.Busy : Classifier(failure);

    private sealed class BusyRowException : Exception;
}

/// <summary>A mode that the test changes.</summary>
internal sealed class ChosenMode : ILockModeSource
{
    public LockMode Mode { get; set; } = LockMode.Distributed;

    /// <summary>Overrides the mode for some commands.</summary>
    public Func<Type, LockMode?> Of { get; set; } = _ => null;

    public ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Of(commandType) ?? Mode);
}

/// <summary>The combining executor of one replica, on a lock store that it may share with other replicas.</summary>
internal sealed class CombiningReplica : IAsyncDisposable
{
    private readonly IHost _host;

    private CombiningReplica(IHost host) => _host = host;

    public RecordingHandler Handler { get; } = new();

    public ChosenMode Mode { get; } = new();

    public CombiningExecutor<Command, string> Executor => _host.Services.GetRequiredService<CombiningExecutor<Command, string>>();

    /// <summary>Creates this replica's meters and is their scope.</summary>
    public IMeterFactory Meters => _host.Services.GetRequiredService<IMeterFactory>();

    public LockMonitor Monitor => _host.Services.GetRequiredService<LockMonitor>();

    public IDistributedLocks Locks => _host.Services.GetRequiredService<IDistributedLocks>();

    public static async Task<CombiningReplica> StartAsync(ILockStore store, TimeProvider clock, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(clock);
        builder.AddDistributedLocks();
        builder.Services.AddLockedCommands(typeof(Use), typeof(Accumulate), typeof(NoWaitCommand), typeof(WaitingCommand), typeof(Transfer));
        CombiningReplica? replica = null;
        builder.Services.AddSingleton<IBatchHandler<Command, string>>(_ => replica!.Handler);
        builder.Services.AddSingleton<ILockModeSource>(_ => replica!.Mode);
        builder.Services.AddCombiningExecutor<Command, string, RecordingHandler>();
        replica = new CombiningReplica(builder.Build());
        await replica._host.StartAsync(Token);
        return replica;
    }

    public Task<string> UseAsync(long member, string text, CancellationToken? token = null) =>
        Executor.ExecuteAsync(new Use(member, text), token ?? Token);

    /// <summary>Starts a first command of member 1, whose batch waits until the gate is opened.</summary>
    public async Task<(TaskCompletionSource Gate, Task<string> First)> BlockFirstAsync(string text)
    {
        var gate = Handler.BlockFirst();
        var first = UseAsync(1, text);
        await Eventually.HoldsAsync(() => Handler.Running == 1, "the first batch runs");
        return (gate, first);
    }

    /// <summary>Waits until every turn has ended: a command that comes earlier is executed in the turn before it.</summary>
    public Task IdleAsync() => Eventually.HoldsAsync(() => Executor.Snapshot(1).ActiveKeys == 0 && Monitor.ActiveKeys == 0, "the keys are idle");

    public Task StopAsync() => _host.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _host.Dispose();
    }
}
