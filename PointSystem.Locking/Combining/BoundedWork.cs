namespace PointSystem.Locking.Combining;

/// <summary>Waits for work no longer than agreed, even where it does not heed its token: a client of a frozen server may hang while it cancels.</summary>
internal static class BoundedWork
{
    /// <summary>The work's result.</summary>
    /// <exception cref="WorkAbandonedException">It has not ended by itself. It may go on; nobody waits for it any more.</exception>
    public static async Task<T> RunAsync<T>(Task<T> work, TimeSpan limit, TimeProvider clock)
    {
        if (work.IsCompleted)
        {
            return await work;
        }
        try
        {
            return await work.WaitAsync(limit, clock);
        }
        catch (TimeoutException) when (!work.IsCompleted)
        {
            // Whatever it ends with, it is nobody's surprise.
            _ = work.ContinueWith(
                static ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw new WorkAbandonedException();
        }
    }

    /// <summary>Whether work ended so because its time had come. Data access wraps a cancellation now and then.</summary>
    public static bool IsEndOf(Exception failure) =>
        failure is OperationCanceledException or WorkAbandonedException || failure.InnerException is OperationCanceledException;
}

/// <summary>Work was given up before it had ended.</summary>
internal sealed class WorkAbandonedException() : Exception("The work did not end when it was told to.");
