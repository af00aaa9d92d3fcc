using System.Runtime.InteropServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace PointSystem.ServiceDefaults;

/// <summary>
/// Ends this process with the one that started it, however that ends. <see cref="StdinSetting"/>: the parent keeps the writing end of our
/// standard input, and the system closes it with the parent. <see cref="ParentSetting"/>: for a parent that gives no standard input, such
/// as <c>dotnet run</c> under Aspire; killed outright, it would leave this process on its port, unseen.
/// </summary>
internal sealed class EndWithParent(
    IConfiguration configuration, IHostApplicationLifetime lifetime, Drain drain, ILogger<EndWithParent> logger) : IHostedService
{
    /// <summary>True = ends when standard input does. Default false.</summary>
    public const string StdinSetting = "Local:ExitWithStdin";

    /// <summary>True = ends when the parent process does. Default false. On Windows <c>dotnet run</c> sees to it itself.</summary>
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

    // Console streams block the reader, asynchronously too: a background thread of its own, which never keeps the process alive.
    private void Watch(Action untilTheEnd) => new Thread(() =>
    {
        untilTheEnd();
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // An orderly end is under way, and has its time.
            return;
        }
        logger.ParentEnded();
        // The drain delay is of no use without the parent.
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
            // A broken pipe says the same as its end.
        }
    }

    private static void WaitForEndOf(int parent)
    {
        // There is no event for it that every Unix has: Linux has one, but for the thread that started us.
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
    [LoggerMessage(EventId = 1201, Level = LogLevel.Information, Message = "The process that started this one has ended: stopping")]
    public static partial void ParentEnded(this ILogger logger);
}
