using System.Collections.Concurrent;
using System.CommandLine;
using System.Diagnostics;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>
/// The process mode <c>PointSystem.Local postgres</c>: PostgreSQL on a data directory of ours, as one process that another program
/// supervises. It creates the database, switches to an unprivileged user where needed, and stops the server when it ends.
/// </summary>
internal static class PostgresCommand
{
    public const string Name = "postgres";

    /// <summary>The environment variable with the password of the server that a standby follows.</summary>
    public const string PrimaryPasswordVariable = "POINTSYSTEM_PRIMARY_PASSWORD";

    private const int TailLength = 12;
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>Runs until SIGTERM, Ctrl+C or the end of the server.</summary>
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "the data directory", HelpName = "DIR", Required = true };
        var port = CommandLines.Number("--port", 1, 65535, "where it listens");
        var connections = CommandLines.Number("--max-connections", 1, 100_000, "connections at a time");
        var primary = CommandLines.Number("--standby-of", 1, 65535, $"follows the server on this port, whose password is in {PrimaryPasswordVariable}");
        port.Required = connections.Required = true;
        var command = new Command(Name, "PostgreSQL, installed or from npm") { data, port, connections, primary };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                await RunAsync(
                    parsed.GetRequiredValue(data), parsed.GetRequiredValue(port)!.Value, parsed.GetRequiredValue(connections)!.Value, parsed.GetValue(primary),
                    cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The orderly end.
            }
        });
        return command;
    }

    private static async Task RunAsync(string directory, int port, int maxConnections, int? primary, CancellationToken cancellationToken)
    {
        // The command line takes charge of signals when this returns for the first time.
        await Task.Yield();
        using var data = DataDirectory.Open(directory);
        await OrphanedPostgres.EndAsync(data.Postgres, Console.WriteLine, cancellationToken);
        var binaries = await PostgresChoice.ChooseAsync(PostgresChoice.FromEnvironment, data.Postgres, Console.WriteLine, cancellationToken);
        var secrets = primary is null ? Secrets.LoadOrCreate(data.Root) : OfPrimary();
        var server = new PostgresServer(data, secrets, binaries, port);
        IReadOnlyList<KeyValuePair<string, string>> settings = [];
        if (primary is { } followed)
        {
            settings = await server.PrepareStandbyAsync(followed, Console.WriteLine, cancellationToken);
        }
        else
        {
            await server.PrepareAsync(Console.WriteLine, cancellationToken);
        }

        Console.WriteLine($"Starting {server.Description} on port {port} ...");
        var tail = new ConcurrentQueue<string>();
        var spec = server.Spec(maxConnections, settings);
        using var process = RunningProcess.Start(spec, OnLine);
        try
        {
            await UntilReadyAsync(server, process, cancellationToken);
            if (!process.Exited.IsCompleted)
            {
                Console.WriteLine($"{server.Description} is ready on port {port}.");
            }
            await process.Exited.WaitAsync(cancellationToken);
        }
        finally
        {
            process.Signal(spec.StopSignal);
            if (!await process.WaitForExitAsync(Grace, CancellationToken.None))
            {
                process.Kill();
            }
        }
        throw new LocalException(
            $"PostgreSQL cannot run on {data.Postgres}: restore a backup, or start again with --fresh, which deletes all points. Its output:\n"
            + string.Join('\n', tail.Select(line => "    " + line)));

        void OnLine(string line)
        {
            Console.WriteLine(line);
            tail.Enqueue(line);
            if (tail.Count > TailLength)
            {
                tail.TryDequeue(out _);
            }
        }
    }

    private static Secrets OfPrimary() => Environment.GetEnvironmentVariable(PrimaryPasswordVariable) is { Length: > 0 } password
        ? new Secrets("", password)
        : throw new LocalException($"--standby-of needs the password of that server in {PrimaryPasswordVariable}.");

    /// <summary>Waits until the database exists, or the server has ended.</summary>
    private static async Task UntilReadyAsync(PostgresServer server, RunningProcess process, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        while (!process.Exited.IsCompleted && !await server.ProbeAsync(cancellationToken))
        {
            if (watch.Elapsed > ReadyLimit)
            {
                throw new LocalException($"{server.Description} was not ready after {ReadyLimit.TotalSeconds:0} s.");
            }
            await Task.Delay(50, cancellationToken);
        }
    }
}
