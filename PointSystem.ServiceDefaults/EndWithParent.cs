using System.Runtime.InteropServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// Stops this process when its parent ends, however it ends. With <see cref="StdinSetting"/> the parent holds the write end of our
/// standard input, and the system closes it with the parent. <see cref="ParentSetting"/> is for a parent that provides no standard input,
/// such as <c>dotnet run</c> under Aspire: if that is killed, this process would stay on its port unnoticed.
/// </summary>
internal sealed class EndWithParent(
    IConfiguration configuration, IHostApplicationLifetime lifetime, Drain drain, ILogger<EndWithParent> logger) : IHostedService
{
    /// <summary>True = stops when standard input ends. Default false.</summary>
    public const string StdinSetting = "Local:ExitWithStdin";

    /// <summary>True = stops when the parent process ends. Default false. On Windows <c>dotnet run</c> does that itself.</summary>
    public const string ParentSetting = "Local:ExitWithParent";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (configuration.GetValue<bool>(StdinSetting))
        {
            Watch(ReadToEnd);
        }
        if (configuration.GetValue<bool>(ParentSetting) && !OperatingSystem.IsWindows())
        {
            var parent = GetParentProcessId();
            Watch(() => WaitForEndOf(parent));
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // Console streams block the reader even in asynchronous calls, so this is a dedicated background thread, which never keeps the
    // process alive.
    private void Watch(Action untilTheEnd) => new Thread(() =>
    {
        untilTheEnd();
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // An orderly shutdown is already running.
            return;
        }
        logger.ParentEnded();
        // Without the parent the drain delay is useless.
        drain.CutShort();
        lifetime.StopApplication();
    })
    {
        IsBackground = true,
        Name = nameof(EndWithParent),
    }.Start();

    private static void ReadToEnd()
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
            // A broken pipe means the same as the end of the input.
        }
    }

    private static void WaitForEndOf(int parent)
    {
        // Not every Unix has an event for it, and Linux's event is for the end of the thread that started us.
        using var never = new ManualResetEventSlim();
        while (GetParentProcessId() == parent)
        {
            never.Wait(Interval);
        }
    }

    [DllImport("libc", EntryPoint = "getppid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetParentProcessId();
}

internal static partial class EndWithParentLog
{
    [LoggerMessage(EventId = 1201, Level = LogLevel.Information, Message = "The parent process has ended: stopping")]
    public static partial void ParentEnded(this ILogger logger);
}
