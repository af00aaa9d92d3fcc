namespace PointSystem.Locking.Combining;

/// <summary>
/// Waits for work only for a limited time, even if the work ignores its token: a client of a frozen server may hang while it cancels.
/// </summary>
internal static class BoundedWork
{
    /// <summary>The work's result.</summary>
    /// <param name="work">The work, started with <paramref name="ending"/>.</param>
    /// <param name="grace">How long the work may take to end once it is cancelled. Counted from the cancellation, because after a pause
    /// of the process every timer is due at once.</param>
    /// <param name="clock">Measures the grace period.</param>
    /// <param name="ending">Cancels the work.</param>
    /// <exception cref="WorkAbandonedException">The work did not end in time. It may still be running, but is no longer
    /// awaited.</exception>
    public static async Task<T> RunAsync<T>(Task<T> work, TimeSpan grace, TimeProvider clock, CancellationToken ending)
    {
        if (!work.IsCompleted)
        {
            await ((Task)work).WaitAsync(ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!work.IsCompleted)
        {
            await ((Task)work).WaitAsync(grace, clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!work.IsCompleted)
        {
            // Observed, so that a later failure is not reported as unobserved.
            _ = work.ContinueWith(
                static ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw new WorkAbandonedException();
        }
        return await work;
    }

    /// <summary>
    /// Whether the failure means that the work was cancelled. Data access sometimes wraps a cancellation in another exception.
    /// </summary>
    public static bool IsCancellation(Exception failure) =>
        failure is OperationCanceledException or WorkAbandonedException || failure.InnerException is OperationCanceledException;
}

/// <summary>The work was abandoned before it had ended.</summary>
internal sealed class WorkAbandonedException() : Exception("The work did not end when it was cancelled.");
