using System.Globalization;
using Npgsql;
using PointSystem.Local;
using PointSystem.Local.Postgres;

namespace PointSystem.TestKit;

/// <summary>Starts streaming standbys of local PostgreSQL servers.</summary>
public static class LocalStandby
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Starts a standby and waits until it answers.</summary>
    /// <param name="owner">The owner's connection string of the primary.</param>
    /// <param name="directory">The data directory of the standby.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>The process, which belongs to the caller.</returns>
    /// <exception cref="LocalException">It does not start.</exception>
    public static async Task<ChildProcess> StartAsync(string owner, string directory, int port, CancellationToken cancellationToken)
    {
        await using var database = NpgsqlDataSource.Create(owner);
        await using var question = database.CreateCommand("SELECT current_setting('max_connections')");
        var connections = (string)(await question.ExecuteScalarAsync(cancellationToken))!;
        var primary = new NpgsqlConnectionStringBuilder(owner);
        var process = ChildProcess.StartLocal(
            [
                PostgresCommand.Name, "--data", directory, "--port", port.ToString(CultureInfo.InvariantCulture), "--max-connections", connections,
                "--standby-of", primary.Port.ToString(CultureInfo.InvariantCulture),
            ],
            new Dictionary<string, string?> { [PostgresCommand.PrimaryPasswordVariable] = primary.Password });
        var began = TimeProvider.System.GetTimestamp();
        while (!process.Output.Contains("is ready on port", StringComparison.Ordinal))
        {
            if (process.HasExited || TimeProvider.System.GetElapsedTime(began) > ReadyLimit)
            {
                await process.DisposeAsync();
                throw new LocalException($"The standby does not start: {process.Output}");
            }

            await Task.Delay(Pause, cancellationToken);
        }

        return process;
    }
}
