using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Waits for conditions that become true elsewhere, with a deadline far beyond the expected time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan TurnMin = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan TurnMax = TimeSpan.FromMilliseconds(20);

    /// <summary>Polls until the condition holds, and fails after the deadline.</summary>
    /// <param name="condition">The condition, which may itself fail the test.</param>
    /// <param name="expected">What should become true; the text of the failure.</param>
    public static Task HoldsAsync(Func<bool> condition, string expected) => HoldsAsync(() => Task.FromResult(condition()), expected);

    /// <inheritdoc cref="HoldsAsync(Func{bool}, string)"/>
    public static Task HoldsAsync(Func<Task<bool>> condition, string expected) =>
        HoldsAsync(condition, () => $"Not so within {Deadline.TotalSeconds} s: {expected}");

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, Func{string}, TimeSpan?)"/>
    public static Task HoldsAsync(Func<bool> condition, Func<string> failure) => HoldsAsync(() => Task.FromResult(condition()), failure);

    /// <summary>Waits until a process has said something: what it has written arrives here a moment later.</summary>
    /// <param name="output">What it has said so far.</param>
    /// <param name="text">What it says.</param>
    public static Task SaysAsync(Func<string> output, string text) =>
        HoldsAsync(() => output().Contains(text, StringComparison.Ordinal), () => $"It did not say \"{text}\":\n{output()}");

    /// <summary>Moves a clock that stands still otherwise, in small steps, until the condition holds.</summary>
    public static async Task PassUntilAsync(this FakeTimeProvider clock, Func<bool> condition, string expected)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"Not so within {Deadline.TotalSeconds} s: {expected}");
            clock.Advance(TimeSpan.FromMilliseconds(10));
            await LetOthersRunAsync();
        }
    }

    /// <summary>Lets what has just become due run, and what that starts. A slow machine only makes it slower.</summary>
    public static async Task LetOthersRunAsync()
    {
        var started = Stopwatch.GetTimestamp();
        do
        {
            await Task.Yield();
            await Task.Delay(1, Token);
        }
        while (Stopwatch.GetElapsedTime(started) < TurnMin
            || (ThreadPool.PendingWorkItemCount > 0 && Stopwatch.GetElapsedTime(started) < TurnMax));
    }

    /// <summary>Polls until the condition holds, and fails after the deadline.</summary>
    /// <param name="condition">The condition, which may itself fail the test.</param>
    /// <param name="failure">Makes the text of the failure from the state at the deadline.</param>
    /// <param name="limit">The deadline, where 60 s are not far beyond the expected time.</param>
    public static async Task HoldsAsync(Func<Task<bool>> condition, Func<string> failure, TimeSpan? limit = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > (limit ?? Deadline))
            {
                Assert.Fail(failure());
            }
            await Task.Delay(TimeSpan.FromMilliseconds(20), Token);
        }
    }
}
