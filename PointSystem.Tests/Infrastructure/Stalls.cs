using System.Diagnostics;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// Notices when this process did not run: paused, or without a processor. Which of two timers fired first says nothing then, so a test that
/// looks at such an order asks here before it calls it wrong.
/// </summary>
internal sealed class Stalls : IAsyncDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Noticeable = TimeSpan.FromMilliseconds(150);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;
    private volatile bool _seen;

    public Stalls() => _watching = WatchAsync();

    /// <summary>Whether there was a stall since this was made. Waits for a beat, so that one that has just ended is seen.</summary>
    public async Task<bool> SeenAsync()
    {
        await Task.Delay(Beat * 2);
        return _seen;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(Beat);
        try
        {
            for (var last = Stopwatch.GetTimestamp(); ; last = Stopwatch.GetTimestamp())
            {
                await timer.WaitForNextTickAsync(_stop.Token);
                _seen |= Stopwatch.GetElapsedTime(last) > Noticeable;
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
