namespace PointSystem.Locking.Combining;

/// <summary>
/// Waits for work no longer than agreed, even where it does not heed its token: a client of a frozen server may hang while it cancels.
/// </summary>
internal static class BoundedWork
{
    /// <summary>The work's result.</summary>
    /// <param name="work">What was begun with <paramref name="ending"/>.</param>
    /// <param name="grace">How long it may take to end when told to. Counted from there: after a pause of the process every
    /// timer is due at once.</param>
    /// <param name="clock">Measures it.</param>
    /// <param name="ending">Tells the work to end.</param>
    /// <exception cref="WorkAbandonedException">It has not ended in time. It may go on, but is no longer waited for.</exception>
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
            // Observed, so that a failure is not reported as unobserved later.
            _ = work.ContinueWith(
                static ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw new WorkAbandonedException();
        }
        return await work;
    }

    /// <summary>Whether work ended so because its time had come. Data access wraps a cancellation now and then.</summary>
    public static bool IsCancellation(Exception failure) =>
        failure is OperationCanceledException or WorkAbandonedException || failure.InnerException is OperationCanceledException;
}

/// <summary>Work was given up before it had ended.</summary>
internal sealed class WorkAbandonedException() : Exception("The work did not end when it was told to.");
