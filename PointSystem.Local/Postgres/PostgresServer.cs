using System.Globalization;
using Npgsql;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Postgres;

/// <summary>A PostgreSQL server on a private data directory: how to create and start it.</summary>
internal sealed class PostgresServer
{
    public const string Database = "points";
    public const string Owner = "points";
    private static readonly TimeSpan InitLimit = TimeSpan.FromMinutes(2);
    private readonly DataDirectory _data;
    private readonly Secrets _secrets;
    private readonly PostgresBinaries _binaries;
    private readonly UnixUser? _user;
    private readonly int _port;

    public PostgresServer(DataDirectory data, Secrets secrets, PostgresBinaries binaries, int port)
    {
        _port = port;
        _data = data;
        _secrets = secrets;
        _binaries = binaries;
        _user = PostgresUser.Choose();
        PostgresUser.RequireReachable(data.Postgres, _user);
        PostgresUser.RequireReachable(binaries.Server, _user);
    }

    public string Description => _binaries.Description;

    public string ConnectionString(int poolSize) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _port,
        Username = Owner,
        Password = _secrets.PostgresPassword,
        Database = Database,
        MaxPoolSize = poolSize,
        // Everything is on this machine, so a missing server should be noticed quickly.
        Timeout = 5,
        IncludeErrorDetail = true,
    }.ConnectionString;

    /// <summary>Creates the data directory unless it exists.</summary>
    /// <exception cref="LocalException">It is damaged, of another version, or cannot be created.</exception>
    public async Task PrepareAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        if (Directory.Exists(_data.Postgres))
        {
            _binaries.RequireMatches(_data.Postgres);
            return;
        }
        progress("Creating a new database ...");
        // Created under a temporary name and moved when complete, so that the final name always means a complete directory.
        var making = _data.Postgres + ".new";
        if (Directory.Exists(making))
        {
            Directory.Delete(making, recursive: true);
        }
        var passwordFile = Path.Combine(_data.Root, "initdb.password");
        try
        {
            MakeOwned(making);
            WritePrivate(passwordFile, _secrets.PostgresPassword);
            await InitDbAsync(making, passwordFile, cancellationToken);
            Directory.Move(making, _data.Postgres);
        }
        finally
        {
            File.Delete(passwordFile);
        }
    }

    /// <summary>
    /// Makes the data directory a copy of a running server's, which follows that server from then on. What was there is replaced: a copy that was
    /// stopped for long could not follow any more.
    /// </summary>
    /// <param name="primaryPort">Where the server to follow listens.</param>
    /// <param name="progress">Gets what happens.</param>
    /// <param name="cancellationToken">Ends the copy.</param>
    /// <returns>Settings for <see cref="Spec"/>.</returns>
    /// <exception cref="LocalException">pg_basebackup is missing, or the copy failed.</exception>
    public async Task<IReadOnlyList<KeyValuePair<string, string>>> PrepareStandbyAsync(
        int primaryPort, Action<string> progress, CancellationToken cancellationToken)
    {
        if (_binaries.BaseBackup is not { } baseBackup)
        {
            throw new LocalException($"A read replica needs pg_basebackup, which {_binaries.Description} does not have.");
        }

        progress($"Copying the database on port {primaryPort} ...");
        if (Directory.Exists(_data.Postgres))
        {
            Directory.Delete(_data.Postgres, recursive: true);
        }

        // A file, because every user of this machine can read a command line.
        var passwords = Path.Combine(_data.Root, "primary.pgpass");
        WritePrivate(passwords, string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{primaryPort}:*:{Owner}:{_secrets.PostgresPassword}\n"));
        MakeOwned(_data.Postgres);
        var spec = new ProcessSpec
        {
            Name = "pg_basebackup",
            FileName = baseBackup,
            Arguments =
            [
                "-h", "127.0.0.1", "-p", primaryPort.ToString(CultureInfo.InvariantCulture), "-U", Owner, "-w", "-D", _data.Postgres, "-X", "stream", "-c", "fast",
                "-R",
            ],
            WorkingDirectory = _data.Root,
            UserName = _user?.Name,
            Environment = new Dictionary<string, string?> { ["PGPASSFILE"] = passwords },
        };
        var (exitCode, lines) = await OneShot.RunAsync(spec, null, InitLimit, cancellationToken);
        if (exitCode != 0)
        {
            throw new LocalException(
                $"The database on port {primaryPort} could not be copied. pg_basebackup printed:\n"
                + string.Join('\n', lines.TakeLast(8).Select(line => "    " + line)));
        }

        return
        [
            new("primary_conninfo", string.Create(CultureInfo.InvariantCulture, $"host=127.0.0.1 port={primaryPort} user={Owner} passfile={passwords}")),
            // The primary keeps the rows that a query here can still see, so that queries are not cancelled.
            new("hot_standby_feedback", "on"),
        ];
    }

    public ProcessSpec Spec(int maxConnections, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var all = new Dictionary<string, string>
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = _port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = "",
            ["max_connections"] = maxConnections.ToString(CultureInfo.InvariantCulture),
            ["shared_buffers"] = "128MB",
            // Points are money: an acknowledged commit is on disk.
            ["fsync"] = "on",
            ["synchronous_commit"] = "on",
            ["full_page_writes"] = "on",
            ["jit"] = "off",
            ["timezone"] = "UTC",
            ["log_timezone"] = "UTC",
            ["lc_messages"] = "C",
            ["logging_collector"] = "off",
            ["log_destination"] = "stderr",
            ["log_line_prefix"] = "[%p] ",
            ["log_checkpoints"] = "off",
        };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }
        return new ProcessSpec
        {
            Name = "postgres",
            FileName = _binaries.Server,
            Arguments = ["-D", _data.Postgres, .. all.SelectMany(setting => new[] { "-c", $"{setting.Key}={setting.Value}" })],
            WorkingDirectory = _data.Postgres,
            UserName = _user?.Name,
            // "Fast" shutdown: open sessions are disconnected, committed data is written.
            StopSignal = Native.SigInt,
            StopOnWindows = StopWithControlAsync,
        };
    }

    /// <summary>True once the server responds and the database exists.</summary>
    public async Task<bool> ProbeAsync(CancellationToken cancellationToken)
    {
        var builder = new NpgsqlConnectionStringBuilder(ConnectionString(1)) { Database = "postgres", Pooling = false, Timeout = 2 };
        try
        {
            await using var connection = new NpgsqlConnection(builder.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            await using var find = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", connection)
            {
                Parameters = { new() { Value = Database } },
            };
            if (await find.ExecuteScalarAsync(cancellationToken) is null)
            {
                await using var create = new NpgsqlCommand($"CREATE DATABASE {Database}", connection);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
            return true;
        }
        catch (NpgsqlException e) when (e is not PostgresException { SqlState: PostgresErrorCodes.InvalidPassword })
        {
            return false;
        }
        catch (PostgresException e)
        {
            throw new LocalException(
                $"The database in {_data.Postgres} does not accept the password in secrets.json: "
                + "restore the right file, or start again with --fresh.",
                e);
        }
    }

    private async Task InitDbAsync(string directory, string passwordFile, CancellationToken cancellationToken)
    {
        var spec = new ProcessSpec
        {
            Name = "initdb",
            FileName = _binaries.InitDb,
            Arguments =
            [
                "-D", directory, "-U", Owner, "--pwfile", passwordFile, "--auth", "scram-sha-256",
                "--encoding", "UTF8", "--locale", "C", "--data-checksums",
            ],
            WorkingDirectory = directory,
            UserName = _user?.Name,
        };
        var (exitCode, lines) = await OneShot.RunAsync(spec, null, InitLimit, cancellationToken);
        if (exitCode != 0)
        {
            throw new LocalException(
                $"PostgreSQL could not create its data directory {directory}: choose another directory with --data DIR. initdb printed:\n"
                + string.Join('\n', lines.TakeLast(8).Select(line => "    " + line)));
        }
    }

    private void MakeOwned(string directory)
    {
        PrivateFiles.CreateDirectory(directory);
        Own(directory);
    }

    private void WritePrivate(string path, string text)
    {
        PrivateFiles.Write(path, text);
        Own(path);
    }

    private void Own(string path)
    {
        if (_user is not null && !Native.ChangeOwner(path, _user))
        {
            throw new LocalException($"{path} could not be given to the user {_user.Name}, which runs PostgreSQL: choose another directory with --data DIR.");
        }
    }

    private async Task StopWithControlAsync(CancellationToken cancellationToken)
    {
        var spec = new ProcessSpec
        {
            Name = "pg_ctl",
            FileName = _binaries.Control,
            Arguments = ["stop", "-D", _data.Postgres, "-m", "fast", "-W"],
        };
        await OneShot.RunAsync(spec, null, TimeSpan.FromSeconds(2), cancellationToken);
    }
}
