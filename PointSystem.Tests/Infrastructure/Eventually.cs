using System.Diagnostics;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Waits for conditions that become true elsewhere, with a deadline far beyond the expected time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>Polls until the condition holds.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> otherwise, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > Deadline)
            {
                Assert.Fail(otherwise());
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
        }
    }

    /// <summary>As <see cref="TrueAsync"/>, for a condition of this process.</summary>
    /// <param name="condition">Polled until it holds.</param>
    /// <param name="what">What should come to hold; the failure's text.</param>
    public static Task HoldsAsync(Func<bool> condition, string what) => HoldsAsync(() => Task.FromResult(condition()), what);

    /// <summary>As the other, for a condition that takes a call.</summary>
    public static Task HoldsAsync(Func<Task<bool>> condition, string what) =>
        TrueAsync(condition, () => $"Not so within {Deadline.TotalSeconds} s: {what}", TestContext.Current.CancellationToken);
}
