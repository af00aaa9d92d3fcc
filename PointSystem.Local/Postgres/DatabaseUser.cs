using Npgsql;

namespace PointSystem.Local.Postgres;

/// <summary>
/// A user that a process of ours logs in as: it owns nothing, and what it may do comes from the role that it is a member of. (The migrations
/// give these roles their rights.)
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Role">The role.</param>
internal sealed record DatabaseUser(string Name, string Role)
{
    /// <summary>The replicas.</summary>
    public static readonly DatabaseUser Replica = new("points_replica", "points_api");

    /// <summary>The service that sends notifications.</summary>
    public static readonly DatabaseUser Notifier = new("points_notifier", "points_notifications");

    /// <summary>
    /// Its password, from that of the owner and not the other way round, so that nothing more has to be stored.
    /// </summary>
    public string PasswordFrom(string ownerPassword) => Secrets.Derive(ownerPassword, Name);

    /// <summary>The owner's connection string, with this user instead of the owner.</summary>
    public string ConnectionString(string owner)
    {
        var settings = new NpgsqlConnectionStringBuilder(owner);
        (settings.Username, settings.Password) = (Name, PasswordFrom(settings.Password ?? ""));
        return settings.ConnectionString;
    }

    /// <summary>Creates the role and the user, unless they exist.</summary>
    /// <param name="owner">Connection string of a user who may create roles.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public async Task EnsureAsync(string owner, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(owner) { Pooling = false };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        // Two processes may do so at once. Neither the names nor the password, which is hexadecimal, have anything to quote.
        await using var command = new NpgsqlCommand(
            $"""
            DO $$ BEGIN CREATE ROLE {Role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
            DO $$ BEGIN CREATE ROLE {Name} LOGIN IN ROLE {Role} PASSWORD '{PasswordFrom(settings.Password ?? "")}';
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
            """,
            connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
