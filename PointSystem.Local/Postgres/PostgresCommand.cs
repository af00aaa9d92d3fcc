using System.Runtime.InteropServices;
using PointSystem.Local.Cluster;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>
/// The process mode <c>PointSystem.Local postgres</c>: PostgreSQL on a data directory of ours as one process that another program supervises. It makes
/// the database, drops to an unprivileged user where it must, and takes the server down with it.
/// </summary>
internal static class PostgresCommand
{
    public const string Name = "postgres";
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>Runs until SIGTERM, Ctrl+C or the end of the server.</summary>
    /// <param name="args"><c>--data DIR</c>, <c>--port N</c> and <c>--max-connections N</c>.</param>
    /// <returns>0 after an orderly end, 1 when it could not start or the server ended; the reason is on standard error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, stop));
        try
        {
            var options = new VerbOptions(args);
            await RunAsync(options.Text("--data"), options.Number("--port", 1, 65535), options.Number("--max-connections", 1, 100_000), stop.Token);
            return 0;
        }
        catch (LocalException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
    }

    private static async Task RunAsync(string directory, int port, int maxConnections, CancellationToken cancellationToken)
    {
        using var log = new ClusterLog(line => Console.WriteLine(line.Text));
        using var data = DataDirectory.Open(directory);
        await OrphanedPostgres.EndAsync(data.Postgres, Console.WriteLine, cancellationToken);
        var binaries = await PostgresChoice.ChooseAsync(new LocalClusterOptions().Postgres, data.Postgres, Console.WriteLine, cancellationToken);
        var server = new PostgresServer(data, Secrets.LoadOrCreate(data.Root), binaries, port);
        using var reaper = new Reaper(Console.WriteLine);
        reaper.Start();
        await server.PrepareAsync(reaper, Console.WriteLine, cancellationToken);
        Console.WriteLine($"Starting {server.Description} on port {port} ...");
        await using var process = new ManagedProcess(server.Spec(maxConnections, []), reaper, log, server.ProbeAsync);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.Changed += changed =>
        {
            if (!changed.IsRunning)
            {
                ended.TrySetResult();
            }
        };
        process.Start();
        try
        {
            // The database exists from here on.
            await process.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
            await ended.Task.WaitAsync(cancellationToken);
            throw new LocalException($"PostgreSQL ended. Its last lines:\n{process.Tail()}");
        }
        finally
        {
            await process.StopAsync(Grace, CancellationToken.None);
        }
    }

    private static void Stop(PosixSignalContext signal, CancellationTokenSource stop)
    {
        signal.Cancel = true;
        stop.Cancel();
    }
}
