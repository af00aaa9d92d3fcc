using PointSystem.Local.Sidecar;

namespace PointSystem.Local;

/// <summary>
/// Ends this process with its parent: the parent holds the write end of our standard input, and the kernel closes it when the parent
/// dies, even by <c>kill -9</c>.
/// </summary>
internal static class StdinGuard
{
    /// <summary>The option that switches it on.</summary>
    public const string Flag = "--exit-with-stdin";

    /// <summary>Reads standard input to its end, then stops the application.</summary>
    public static async Task WatchAsync(IHostApplicationLifetime lifetime, ILogger logger)
    {
        await EndAsync();
        logger.StdinEnded();
        lifetime.StopApplication();
    }

    /// <summary>Completes when the token is cancelled or, if that is wanted, standard input has ended. Never throws.</summary>
    public static Task UntilAsync(bool exitWithStdin, CancellationToken cancellationToken)
    {
        var stopped = Task.Delay(Timeout.Infinite, cancellationToken);
        return Task.WhenAny(stopped, exitWithStdin ? EndAsync() : stopped);
    }

    private static async Task EndAsync()
    {
        // Console streams block the calling thread even when read asynchronously, so a dedicated thread waits.
        await Task.Factory.StartNew(
            static () =>
            {
                using var input = Console.OpenStandardInput();
                Span<byte> buffer = stackalloc byte[64];
                while (input.Read(buffer) > 0)
                {
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }
}
