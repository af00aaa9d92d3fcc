using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using Garnet;
using Garnet.common;

namespace PointSystem.Local.Garnet;

/// <summary>
/// The process mode <c>PointSystem.Local garnet</c>: Microsoft Garnet instead of Redis, where no redis-server is installed.
/// </summary>
internal static class GarnetCommand
{
    /// <summary>The verb.</summary>
    public const string Name = "garnet";

    /// <summary>
    /// Runs on loopback until SIGTERM, Ctrl+C or, with <c>--exit-with-stdin</c>, the end of standard input. Stores nothing on disk.
    /// </summary>
    public static Command Create()
    {
        var port = CommandLines.Number("--port", 1, 65535, "where it listens");
        port.Required = true;
        var guard = new Option<bool>(StdinGuard.Flag) { Description = "end when standard input ends" };
        var command = new Command(Name, "Microsoft Garnet") { port, guard };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetRequiredValue(port)!.Value, parsed.GetValue(guard), cancellationToken));
        return command;
    }

    private static async Task RunAsync(int port, bool exitWithStdin, CancellationToken cancellationToken)
    {
        // The command line takes charge of signals when this returns for the first time.
        await Task.Yield();
        try
        {
            using var server = new GarnetServer(Options(port));
            server.Start();
            await Console.Out.WriteLineAsync($"Garnet is ready on 127.0.0.1:{port}");
            await StdinGuard.UntilAsync(exitWithStdin, cancellationToken);
        }
        catch (Exception error) when (error is GarnetException or IOException or SocketException)
        {
            throw new LocalException($"Garnet could not start on port {port}: {error.Message}", error);
        }
    }

    // Locks are few and short-lived: the smallest memory Garnet takes is more than enough. Lua is needed for the owner-checked release.
    private static string[] Options(int port) =>
    [
        "--port", port.ToString(CultureInfo.InvariantCulture),
        "--bind", "127.0.0.1",
        "--lua",
        "--memory", "16m",
        "--page", "1m",
        "--index", "1m",
        "--logger-level", "Warning",
    ];
}
