using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// Delays the closing of the port after a stop signal by <see cref="DrainOptions.Delay"/>, while requests are served as usual.
/// </summary>
public sealed class Drain : IHostedLifecycleService, IDisposable
{
    private readonly TimeSpan _delay;
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource _cutShort = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration _interrupt;

    public Drain(IOptions<DrainOptions> options, TimeProvider? time = null)
    {
        _delay = options.Value.Delay;
        _time = time ?? TimeProvider.System;
        // Ctrl+C at a terminal: no load balancer has to notice first.
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => CutShort());
    }

    /// <summary>Ends or skips the delay: there is no load balancer that has to notice.</summary>
    public void CutShort() => _cutShort.TrySetResult();

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Runs before any service, including the web server, is stopped.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken) =>
        await _cutShort.Task.WaitAsync(_delay, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _interrupt.Dispose();
}
