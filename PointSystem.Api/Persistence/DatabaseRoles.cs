using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>
/// The roles of the database and what each may do with each table and function. The owner is the user that migrates. The others are groups
/// without login, to which an operator grants the users of the processes.
/// </summary>
/// <remarks>
/// <c>migrate</c> applies this list at every run: an administrator may have created the roles since the last one, and a new table needs a line
/// here and nothing in its migration. Roles belong to a whole cluster, the rights given here to one database. See
/// docs/decisions/015-the-database-trusts-nobody.md.
/// </remarks>
internal static class DatabaseRoles
{
    /// <summary>The replicas.</summary>
    public const string Api = "points_api";

    /// <summary>Reads of points on a standby.</summary>
    public const string Reader = "points_reader";

    /// <summary>The service that sends notifications: it reads events over HTTP, and has tables of its own.</summary>
    public const string Notifications = "points_notifications";

    private const string Nothing = "";
    private const string Read = "SELECT";
    private const string Append = "SELECT, INSERT";

    /// <summary>Every table. UPDATE is given for the columns that change, never for a whole table.</summary>
    public static readonly IReadOnlyList<Rights> Tables =
    [
        new("__EFMigrationsHistory", Read, Read),

        // What has been written stays.
        new("point_ledger_entries", Append, Read),
        new("point_transfers", Append, Read),
        new("usage_cancellations", Append, Read),
        new("point_config_history", Append, Nothing),
        new("admin_audit", Append, Nothing),
        new("expiry_notices", Append, Read),
        new("balance_checkpoints", Append, Read),

        new("member_wallets", $"{Append}, UPDATE (balance, manual_balance, version, last_entry_at)", Read),
        new("point_accumulations", $"{Append}, UPDATE (available_amount, used_amount, cancelled_amount, expired_amount, updated_at)", Read),
        new("point_usages", $"{Append}, UPDATE (cancelled_amount, updated_at)", Read),
        new("point_usage_details", $"{Append}, UPDATE (cancelled_amount)", Read),
        new("point_configs", $"{Append}, UPDATE (config_value, description, updated_at, updated_by)", Read),
        new("reconciliation_runs",
            $"{Append}, UPDATE (updated_at, finished_at, runner, resumed, last_member_id, matched, corrected, broken, failed, details)", Nothing),
        new("expiry_notice_progress", $"{Append}, UPDATE (expiration_date, last_member_id)", Nothing),
        new("event_sinks", $"{Append}, UPDATE (position, member_id, sequence, updated_at)", Nothing),
        new("webhook_endpoints",
            $"{Append}, UPDATE (url, description, types, secret, previous_secret, previous_secret_until, disabled_reason, position, member_id, sequence), DELETE",
            Nothing),
        new("webhook_deliveries", $"{Append}, UPDATE (status, due_at, attempts, attempted_at, ended_at, last_status, last_error), DELETE", Nothing),
        new("notification_contacts", $"{Append}, UPDATE (email, push_token, language, opt_outs, updated_at), DELETE", Nothing, Read),
        new("notifications", $"{Read}, UPDATE (status, attempts, due_at, not_after, ended_at, last_error)", Nothing,
            $"{Append}, UPDATE (status, attempts, due_at, attempted_at, ended_at, last_error), DELETE"),
        new("sent_notifications", Read, Nothing, Append),
        new("notification_cursor", Nothing, Nothing, $"{Append}, UPDATE (cursor, updated_at)"),
        new("idempotency_answers", $"{Append}, UPDATE (request_hash, status, answer, created_at), DELETE", Nothing),

        // Replicas of earlier versions still write to it.
        new("idempotency_keys", $"{Append}, UPDATE (request_hash, status, answer, created_at), DELETE", Nothing),
    ];

    /// <summary>
    /// Every function. All of them run with the rights of their caller, so EXECUTE gives nothing away and is left with everybody; the grants
    /// are for databases where new functions are not everybody's.
    /// </summary>
    public static readonly IReadOnlyList<Rights> Functions =
    [
        new("load_lots(bigint, bigint, bigint, date)", "EXECUTE", Nothing),
        new("ledger_sequence_at(bigint, timestamp with time zone)", "EXECUTE", "EXECUTE"),
        new("event_offset()", "EXECUTE", Nothing),
        new("event_position()", "EXECUTE", Nothing),
        new("event_horizon()", "EXECUTE", Nothing),
        new("event_ceiling()", "EXECUTE", Nothing),
        new("refuse_ledger_change()", Nothing, Nothing),
        new("refuse_audit_change()", Nothing, Nothing),
        new("refuse_notice_change()", Nothing, Nothing),
        new("refuse_answered_key()", Nothing, Nothing),
    ];

    /// <summary>Creates the roles that are missing, if this user may, and gives each existing one its rights and no others.</summary>
    public static readonly string Apply =
        $"""
        DO $$
        DECLARE
            home pg_namespace;
            owner oid;
            role name;
            entry record;
        BEGIN
            SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = 'point_ledger_entries'::regclass;
            SELECT n.* INTO home FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = 'point_ledger_entries'::regclass;

            -- Clusters that were created before PostgreSQL 15 let everybody create objects in the schema public, where they could stand in for ours.
            IF EXISTS (SELECT FROM aclexplode(home.nspacl) WHERE grantee = 0 AND privilege_type = 'CREATE') THEN
                IF pg_has_role(home.nspowner, 'USAGE') THEN
                    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', home.nspname);
                ELSE
                    RAISE WARNING 'Everybody may create objects in the schema %: have its owner run "REVOKE CREATE ON SCHEMA % FROM PUBLIC".',
                        home.nspname, home.nspname;
                END IF;
            END IF;

            -- Always in this order, so that migrations of two databases of the cluster cannot deadlock.
            FOREACH role IN ARRAY ARRAY['{Api}', '{Notifications}', '{Reader}'] LOOP
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                    BEGIN
                        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
                    EXCEPTION
                        WHEN duplicate_object OR unique_violation THEN
                            -- The migration of another database of the cluster has created it meanwhile.
                            NULL;
                        WHEN insufficient_privilege THEN
                            RAISE WARNING '%',
                                format('The role %s is missing, and %s may not create it: ', role, current_user)
                                || format('have an administrator run "CREATE ROLE %I NOLOGIN", and run migrate again.', role);
                            CONTINUE;
                    END;
                END IF;

                IF pg_has_role(role, owner, 'MEMBER') THEN
                    RAISE WARNING 'The role % can act as the owner of the tables, %, so nothing restricts it: give its name to a role that cannot.',
                        role, pg_get_userbyid(owner);
                    CONTINUE;
                END IF;

                IF pg_has_role(home.nspowner, 'USAGE') THEN
                    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', home.nspname, role);
                END IF;

                FOR entry IN SELECT * FROM (VALUES {Values(Tables)}) AS v (grantee, name, rights) WHERE grantee = role LOOP
                    IF to_regclass(format('%I.%I', home.nspname, entry.name)) IS NOT NULL THEN
                        EXECUTE format('REVOKE ALL ON TABLE %I.%I FROM %I', home.nspname, entry.name, role);
                        IF entry.rights <> '' THEN
                            EXECUTE format('GRANT %s ON TABLE %I.%I TO %I', entry.rights, home.nspname, entry.name, role);
                        END IF;
                    END IF;
                END LOOP;

                FOR entry IN SELECT * FROM (VALUES {Values(Functions)}) AS v (grantee, name, rights) WHERE grantee = role AND rights <> '' LOOP
                    IF to_regprocedure(format('%I.%s', home.nspname, entry.name)) IS NOT NULL THEN
                        EXECUTE format('GRANT %s ON FUNCTION %I.%s TO %I', entry.rights, home.nspname, entry.name, role);
                    END IF;
                END LOOP;
            END LOOP;
        END $$
        """;

    /// <summary>Takes all rights in this database from the roles, which stay: other databases of the cluster may use them.</summary>
    public const string Revoke =
        $"""
        DO $$
        DECLARE
            role name;
            schema name := (
                SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = 'point_ledger_entries'::regclass);
        BEGIN
            FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('{Api}', '{Notifications}', '{Reader}') LOOP
                EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', schema, role);
                EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM %I', schema, role);
                EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', schema, role);
            END LOOP;
        END $$
        """;

    /// <summary>Applies the list.</summary>
    /// <returns>A sentence for each thing that an administrator has to do.</returns>
    public static async Task<IReadOnlyList<string>> ApplyAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        var sentences = new List<string>();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        connection.Notice += OnNotice;
        try
        {
            await using var command = new NpgsqlCommand(Apply, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        finally
        {
            connection.Notice -= OnNotice;
        }

        return sentences;

        void OnNotice(object sender, NpgsqlNoticeEventArgs arguments)
        {
            if (arguments.Notice.InvariantSeverity == "WARNING")
            {
                sentences.Add(arguments.Notice.MessageText);
            }
        }
    }

    private static string Values(IReadOnlyList<Rights> list) => string.Join(
        ",\n", list.SelectMany(entry => new[] { (Api, entry.Api), (Reader, entry.Reader), (Notifications, entry.Notifications) }, (entry, right) =>
            $"('{right.Item1}', '{entry.Name}', '{right.Item2}')"));

    /// <summary>What the roles may do with a table or a function.</summary>
    /// <param name="Name">The table, or the function with its arguments.</param>
    /// <param name="Api">The rights of <see cref="DatabaseRoles.Api"/>, as GRANT writes them.</param>
    /// <param name="Reader">The rights of <see cref="DatabaseRoles.Reader"/>.</param>
    /// <param name="Notifications">The rights of <see cref="DatabaseRoles.Notifications"/>.</param>
    public sealed record Rights(string Name, string Api, string Reader, string Notifications = Nothing);
}
