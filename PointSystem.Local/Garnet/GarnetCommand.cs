using System.Globalization;
using System.Runtime.InteropServices;
using Garnet;

namespace PointSystem.Local.Garnet;

/// <summary>
/// The process mode <c>PointSystem.Local garnet</c>: Microsoft Garnet instead of Redis, where no redis-server is installed.
/// </summary>
public static class GarnetCommand
{
    /// <summary>The verb.</summary>
    public const string Name = "garnet";

    /// <summary>
    /// Runs on loopback until SIGTERM, Ctrl+C or, with <c>--exit-with-stdin</c>, the end of standard input. Stores nothing on disk.
    /// </summary>
    /// <param name="args"><c>--port N</c>, and optionally <c>--exit-with-stdin</c>.</param>
    /// <returns>0 after an orderly shutdown, 1 if it could not start; the reason is on standard error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var at = Array.IndexOf(args, "--port");
        if (at < 0 || at + 1 >= args.Length || !ushort.TryParse(args[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            await Console.Error.WriteLineAsync("fatal: garnet needs --port with a number from 1 to 65535.");
            return 1;
        }
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, stop));
        try
        {
            using var server = new GarnetServer(Options(port));
            server.Start();
            await Console.Out.WriteLineAsync($"Garnet is ready on 127.0.0.1:{port}");
            await (args.Contains(StdinGuard.Flag) ? Task.WhenAny(stop.Task, StdinGuard.EndAsync()) : stop.Task);
            return 0;
        }
        catch (Exception error) when (error is global::Garnet.common.GarnetException or IOException or System.Net.Sockets.SocketException)
        {
            await Console.Error.WriteLineAsync($"fatal: Garnet could not start on port {port}: {error.Message}");
            return 1;
        }
    }

    // Locks are few and short-lived: Garnet's minimum memory is more than enough. The owner-checked release needs Lua.
    private static string[] Options(ushort port) =>
    [
        "--port", port.ToString(CultureInfo.InvariantCulture),
        "--bind", "127.0.0.1",
        "--lua",
        "--memory", "16m",
        "--page", "1m",
        "--index", "1m",
        "--logger-level", "Warning",
    ];

    private static void Stop(PosixSignalContext signal, TaskCompletionSource stop)
    {
        signal.Cancel = true;
        stop.TrySetResult();
    }
}
