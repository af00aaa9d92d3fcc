using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Hosting;

/// <summary>
/// Ends this process with the one that started it: the parent keeps the writing end of our standard input, and the system closes it when the
/// parent ends, however that happens.
/// </summary>
internal sealed class ExitWithStdin(IHostApplicationLifetime lifetime, Drain drain, ILogger<ExitWithStdin> logger) : IHostedService
{
    public const string Setting = "Local:ExitWithStdin";

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Console streams block whoever reads them, asynchronously too: a background thread of its own, which never keeps the process alive.
        new Thread(ReadToEnd) { IsBackground = true, Name = nameof(ExitWithStdin) }.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void ReadToEnd()
    {
        try
        {
            using var input = Console.OpenStandardInput();
            Span<byte> buffer = stackalloc byte[64];
            while (input.Read(buffer) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A broken pipe says the same as its end.
        }

        logger.StdinEnded();
        // With that process the gateway has gone.
        drain.CutShort();
        lifetime.StopApplication();
    }
}

internal static partial class HostingLog
{
    [LoggerMessage(EventId = 1201, Level = LogLevel.Information, Message = "Standard input has ended, and with it the process that started this one: stopping")]
    public static partial void StdinEnded(this ILogger logger);
}
