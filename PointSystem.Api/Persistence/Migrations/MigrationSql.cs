namespace PointSystem.Api.Persistence.Migrations;

/// <summary>
/// SQL of the migrations that EF cannot express: the guard of the ledger, storage settings, functions for writes and reads, indexes.
/// </summary>
internal static class MigrationSql
{
    /// <summary>Refuses UPDATE, DELETE and TRUNCATE of the ledger, also for the owner.</summary>
    public const string LedgerGuard =
        """
        CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'point_ledger_entries is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
        END $$;

        CREATE TRIGGER point_ledger_entries_append_only
            BEFORE UPDATE OR DELETE OR TRUNCATE ON point_ledger_entries
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
        """;

    /// <summary>Leaves room in each page for heap-only updates of rows that change often.</summary>
    public const string Storage =
        """
        ALTER TABLE member_wallets SET (fillfactor = 50);
        ALTER TABLE point_accumulations SET (fillfactor = 80);
        ALTER TABLE point_usages SET (fillfactor = 90);
        ALTER TABLE point_usage_details SET (fillfactor = 90);
        """;

    /// <summary>
    /// The lots that the commands of a member need: all expired lots with points left, and live lots in draw order until they hold
    /// <c>p_need</c> points. It stops reading there, so the cost does not depend on the number of lots. Every query is sorted by the draw
    /// order index, so that the planner uses no other one. No live lots are returned if even the smallest draw exceeds the live balance:
    /// the domain refuses it by the wallet.
    /// </summary>
    public const string LoadLots =
        """
        CREATE FUNCTION load_lots(p_member_id bigint, p_need bigint, p_smallest bigint, p_today date)
        RETURNS SETOF point_accumulations LANGUAGE plpgsql STABLE ROWS 2
        -- Its plans live as long as the session and may be made when the tables are nearly empty, where reading and sorting all looks cheap.
        SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
        DECLARE
            lot point_accumulations;
            live bigint;
        BEGIN
            SELECT balance INTO live FROM member_wallets WHERE member_id = p_member_id;
            -- Twice, because the index has the manual mark before the date.
            FOR lot IN
                (SELECT * FROM point_accumulations
                 WHERE member_id = p_member_id AND is_open AND is_manual_grant AND expiration_date < p_today
                 ORDER BY is_manual_grant DESC, expiration_date, created_at, lot_id)
                UNION ALL
                (SELECT * FROM point_accumulations
                 WHERE member_id = p_member_id AND is_open AND NOT is_manual_grant AND expiration_date < p_today
                 ORDER BY is_manual_grant DESC, expiration_date, created_at, lot_id)
            LOOP
                live := live - lot.available_amount;
                RETURN NEXT lot;
            END LOOP;

            IF p_need <= 0 OR p_smallest > live THEN
                RETURN;
            END IF;

            FOR lot IN
                SELECT * FROM point_accumulations
                WHERE member_id = p_member_id AND is_open AND is_manual_grant AND expiration_date >= p_today
                ORDER BY is_manual_grant DESC, expiration_date, created_at, lot_id
            LOOP
                RETURN NEXT lot;
                p_need := p_need - lot.available_amount;
                IF p_need <= 0 THEN
                    RETURN;
                END IF;
            END LOOP;

            FOR lot IN
                SELECT * FROM point_accumulations
                WHERE member_id = p_member_id AND is_open AND NOT is_manual_grant AND expiration_date >= p_today
                ORDER BY is_manual_grant DESC, expiration_date, created_at, lot_id
            LOOP
                RETURN NEXT lot;
                p_need := p_need - lot.available_amount;
                IF p_need <= 0 THEN
                    RETURN;
                END IF;
            END LOOP;
        END $$;
        """;

    /// <summary>
    /// Sequence of a member's last ledger entry at or before an instant, 0 if there is none. The times of a member's entries never
    /// decrease, so a binary search over the primary key finds it without an index on time.
    /// </summary>
    public const string LedgerSequenceAt =
        """
        CREATE FUNCTION ledger_sequence_at(p_member_id bigint, p_at timestamptz)
        RETURNS bigint LANGUAGE plpgsql STABLE AS $$
        DECLARE
            low bigint := 0;
            high bigint;
            middle bigint;
        BEGIN
            SELECT max(sequence) INTO high FROM point_ledger_entries WHERE member_id = p_member_id;
            high := coalesce(high, 0);
            WHILE low < high LOOP
                middle := (low + high + 1) / 2;
                IF (SELECT occurred_at FROM point_ledger_entries WHERE member_id = p_member_id AND sequence = middle) <= p_at THEN
                    low := middle;
                ELSE
                    high := middle - 1;
                END IF;
            END LOOP;
            RETURN low;
        END $$;
        """;

    /// <summary>
    /// Allows at most one unfinished run over all members. If an earlier version has started several, only the latest one stays
    /// unfinished.
    /// </summary>
    public const string OneUnfinishedRun =
        """
        UPDATE reconciliation_runs SET finished_at = updated_at
        WHERE finished_at IS NULL AND id < (SELECT max(id) FROM reconciliation_runs WHERE finished_at IS NULL);

        DROP INDEX ix_reconciliation_runs_unfinished;
        CREATE UNIQUE INDEX ux_reconciliation_runs_unfinished ON reconciliation_runs ((true)) WHERE finished_at IS NULL;
        """;

    /// <summary>The opposite of <see cref="OneUnfinishedRun"/>.</summary>
    public const string ManyUnfinishedRuns =
        """
        DROP INDEX ux_reconciliation_runs_unfinished;
        CREATE INDEX ix_reconciliation_runs_unfinished ON reconciliation_runs (finished_at) WHERE finished_at IS NULL;
        """;

    /// <summary>
    /// Gives each ledger entry and each configuration change a position in the order of events. Existing rows have position 0, as a
    /// constant default that rewrites no table.
    /// </summary>
    /// <remarks>
    /// A position must not be lower than that of the member's previous entry, and not lower than the transaction's own id. The own id
    /// alone is not enough: a transaction locks several wallets, so it can have got its id from the first of them long before it gets the
    /// second, and a member's next entry would have the lower number. The last transaction that had completed when the INSERT started is
    /// enough for the first condition, because the writer of the previous entry had completed by then: its row lock was free. See
    /// docs/decisions/011-the-ledger-is-the-outbox.md.
    /// </remarks>
    public const string EventPositions =
        """
        -- Added to the transaction ids of this cluster; "migrate" raises it when the data come from a cluster with higher ones.
        CREATE FUNCTION event_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint';

        -- The position of a row that this statement inserts. The statement must have started after its transaction had locked its rows.
        CREATE FUNCTION event_position() RETURNS bigint LANGUAGE sql STABLE AS
            'SELECT event_offset() + greatest(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)';

        -- Below it everything is committed or rolled back: nothing is added to what this statement sees there.
        CREATE FUNCTION event_horizon() RETURNS bigint LANGUAGE sql STABLE AS
            'SELECT event_offset() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint';

        -- No row has this position yet, unless the data come from a cluster with higher transaction ids.
        CREATE FUNCTION event_ceiling() RETURNS bigint LANGUAGE sql STABLE AS
            'SELECT event_offset() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint';

        ALTER TABLE point_ledger_entries ADD COLUMN position bigint NOT NULL DEFAULT 0;
        ALTER TABLE point_ledger_entries ALTER COLUMN position SET DEFAULT event_position();
        CREATE INDEX ix_point_ledger_entries_position ON point_ledger_entries (position, member_id, sequence) WHERE sequence = group_sequence;

        ALTER TABLE point_config_history ADD COLUMN position bigint NOT NULL DEFAULT 0;
        ALTER TABLE point_config_history ALTER COLUMN position SET DEFAULT event_position();
        CREATE INDEX ix_point_config_history_position ON point_config_history (position, id);
        """;

    /// <summary>The opposite of <see cref="EventPositions"/>.</summary>
    public const string NoEventPositions =
        """
        ALTER TABLE point_config_history DROP COLUMN position;
        ALTER TABLE point_ledger_entries DROP COLUMN position;
        DROP FUNCTION event_ceiling();
        DROP FUNCTION event_horizon();
        DROP FUNCTION event_position();
        DROP FUNCTION event_offset();
        """;

    /// <summary>
    /// What administrators do: append-only like the ledger. A position makes each entry an event; it is not lower than its transaction's id, so
    /// nothing is added below the horizon.
    /// </summary>
    public const string AdminAudit =
        """
        CREATE TABLE admin_audit (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "PK_admin_audit" PRIMARY KEY,
            occurred_at timestamptz NOT NULL,
            actor varchar(200) NOT NULL,
            address varchar(64),
            forwarded_for varchar(200),
            trace_id varchar(128),
            action varchar(60) NOT NULL,
            target varchar(200) NOT NULL,
            before jsonb,
            after jsonb,
            position bigint NOT NULL DEFAULT event_position()
        );
        CREATE INDEX ix_admin_audit_position ON admin_audit (position, id);
        CREATE INDEX ix_admin_audit_occurred_at ON admin_audit (occurred_at, id);
        CREATE INDEX ix_admin_audit_actor ON admin_audit (actor, occurred_at, id);
        CREATE INDEX ix_admin_audit_action ON admin_audit (action, occurred_at, id);
        CREATE INDEX ix_admin_audit_target ON admin_audit (target, occurred_at, id);

        CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'admin_audit is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
        END $$;

        CREATE TRIGGER admin_audit_append_only
            BEFORE UPDATE OR DELETE OR TRUNCATE ON admin_audit
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
        """;

    /// <summary>
    /// Receivers of webhooks, and what became of each event for each of them. The content of an event is in the ledger. Of the pending events of a member,
    /// the first has a due time.
    /// </summary>
    public const string Webhooks =
        """
        CREATE TABLE webhook_endpoints (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "PK_webhook_endpoints" PRIMARY KEY,
            name varchar(40) NOT NULL CONSTRAINT "AK_webhook_endpoints_name" UNIQUE,
            url varchar(2000) NOT NULL,
            description varchar(500),
            types text[] NOT NULL,
            secret varchar(100) NOT NULL,
            previous_secret varchar(100),
            previous_secret_until timestamptz,
            disabled_reason varchar(200),
            created_at timestamptz NOT NULL,
            position bigint NOT NULL,
            member_id bigint NOT NULL,
            sequence bigint NOT NULL
        );

        CREATE TABLE webhook_deliveries (
            endpoint_id bigint NOT NULL CONSTRAINT "FK_webhook_deliveries_endpoint" REFERENCES webhook_endpoints ON DELETE CASCADE,
            position bigint NOT NULL,
            member_id bigint NOT NULL,
            sequence bigint NOT NULL,
            event_id varchar(60) NOT NULL,
            event_type varchar(60) NOT NULL,
            status varchar(20) NOT NULL DEFAULT 'PENDING' CONSTRAINT "CK_webhook_deliveries_status" CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD')),
            attempts int NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL,
            due_at timestamptz,
            attempted_at timestamptz,
            ended_at timestamptz,
            last_status int,
            last_error text,
            CONSTRAINT "PK_webhook_deliveries" PRIMARY KEY (endpoint_id, position, member_id, sequence)
        );
        CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, position, member_id, sequence) WHERE due_at IS NOT NULL;
        CREATE INDEX ix_webhook_deliveries_pending ON webhook_deliveries (endpoint_id, member_id, position, sequence) WHERE status = 'PENDING';
        CREATE INDEX ix_webhook_deliveries_dead ON webhook_deliveries (endpoint_id, position, member_id, sequence) WHERE status = 'DEAD';
        CREATE INDEX ix_webhook_deliveries_ended ON webhook_deliveries (endpoint_id, ended_at) WHERE ended_at IS NOT NULL;
        """;

    /// <summary>The opposite of <see cref="Webhooks"/>.</summary>
    public const string NoWebhooks = "DROP TABLE webhook_deliveries, webhook_endpoints;";

    /// <summary>
    /// The proof that notice of an expiration was given: append-only like the ledger; a position makes each an event. And up to where the job has come, for each
    /// number of days ahead.
    /// </summary>
    public const string ExpiryNotices =
        """
        CREATE TABLE expiry_notices (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "PK_expiry_notices" PRIMARY KEY,
            member_id bigint NOT NULL,
            expiration_date date NOT NULL,
            days_ahead int NOT NULL,
            amount bigint NOT NULL CONSTRAINT "CK_expiry_notices_amount" CHECK (amount > 0),
            given_at timestamptz NOT NULL,
            position bigint NOT NULL DEFAULT event_position(),
            CONSTRAINT "AK_expiry_notices" UNIQUE (member_id, expiration_date, days_ahead)
        );
        CREATE INDEX ix_expiry_notices_position ON expiry_notices (position, id);

        CREATE FUNCTION refuse_notice_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'expiry_notices is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
        END $$;

        CREATE TRIGGER expiry_notices_append_only
            BEFORE UPDATE OR DELETE OR TRUNCATE ON expiry_notices
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_notice_change();

        CREATE TABLE expiry_notice_progress (
            days_ahead int CONSTRAINT "PK_expiry_notice_progress" PRIMARY KEY,
            expiration_date date NOT NULL,
            last_member_id bigint NOT NULL
        );
        """;

    /// <summary>The opposite of <see cref="ExpiryNotices"/>.</summary>
    public const string NoExpiryNotices =
        """
        DROP TABLE expiry_notice_progress, expiry_notices;
        DROP FUNCTION refuse_notice_change();
        """;

    /// <summary>How far each broker has the events.</summary>
    public const string EventSinks =
        """
        CREATE TABLE event_sinks (
            name varchar(100) CONSTRAINT "PK_event_sinks" PRIMARY KEY,
            position bigint NOT NULL,
            member_id bigint NOT NULL,
            sequence bigint NOT NULL,
            updated_at timestamptz NOT NULL
        );
        """;

    /// <summary>The opposite of <see cref="EventSinks"/>.</summary>
    public const string NoEventSinks = "DROP TABLE event_sinks;";

    /// <summary>
    /// Contacts of members, the notices that wait for them or have ended, and the notices that were sent, which stay: the proof that notice was
    /// given. A notice has one row for each event and channel, so that an event that is read twice makes none twice.
    /// </summary>
    public const string Notifications =
        """
        CREATE TABLE notification_contacts (
            member_id bigint CONSTRAINT "PK_notification_contacts" PRIMARY KEY CONSTRAINT "CK_notification_contacts_member" CHECK (member_id > 0),
            email varchar(254),
            push_token varchar(500),
            language varchar(2) NOT NULL CONSTRAINT "CK_notification_contacts_language" CHECK (language IN ('ko', 'en')),
            opt_outs text[] NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        );

        CREATE TABLE notifications (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "PK_notifications" PRIMARY KEY,
            source varchar(200) NOT NULL,
            event_id varchar(60) NOT NULL,
            channel varchar(10) NOT NULL CONSTRAINT "CK_notifications_channel" CHECK (channel IN ('EMAIL', 'PUSH')),
            member_id bigint NOT NULL,
            event_type varchar(60) NOT NULL,
            occurred_at timestamptz NOT NULL,
            data jsonb NOT NULL,
            status varchar(20) NOT NULL DEFAULT 'PENDING'
                CONSTRAINT "CK_notifications_status" CHECK (status IN ('PENDING', 'SENT', 'DEAD', 'DISCARDED')),
            attempts int NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL,
            due_at timestamptz NOT NULL,
            not_after timestamptz NOT NULL,
            attempted_at timestamptz,
            ended_at timestamptz,
            last_error text,
            CONSTRAINT "AK_notifications" UNIQUE (source, event_id, channel)
        );
        CREATE INDEX ix_notifications_due ON notifications (due_at, id) WHERE status = 'PENDING';
        CREATE INDEX ix_notifications_status ON notifications (status, id);
        CREATE INDEX ix_notifications_ended ON notifications (ended_at) WHERE ended_at IS NOT NULL;

        CREATE TABLE sent_notifications (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "PK_sent_notifications" PRIMARY KEY,
            member_id bigint NOT NULL,
            source varchar(200) NOT NULL,
            event_id varchar(60) NOT NULL,
            event_type varchar(60) NOT NULL,
            channel varchar(10) NOT NULL,
            address varchar(254) NOT NULL,
            subject varchar(500) NOT NULL,
            answer varchar(500) NOT NULL,
            sent_at timestamptz NOT NULL,
            CONSTRAINT "AK_sent_notifications" UNIQUE (source, event_id, channel)
        );
        CREATE INDEX ix_sent_notifications_member ON sent_notifications (member_id, id);

        CREATE OR REPLACE FUNCTION refuse_notice_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
        END $$;

        CREATE TRIGGER sent_notifications_append_only
            BEFORE UPDATE OR DELETE OR TRUNCATE ON sent_notifications
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_notice_change();

        -- One row: the place in the feed of events up to which notices were made.
        CREATE TABLE notification_cursor (
            is_only boolean CONSTRAINT "PK_notification_cursor" PRIMARY KEY DEFAULT true CONSTRAINT "CK_notification_cursor" CHECK (is_only),
            cursor varchar(200) NOT NULL,
            updated_at timestamptz NOT NULL
        );
        """;

    /// <summary>The opposite of <see cref="Notifications"/>.</summary>
    public const string NoNotifications = "DROP TABLE notification_cursor, sent_notifications, notifications, notification_contacts;";

    /// <summary>
    /// Finds the usages of an order of all members, and those of one member as the index did that it replaces. The table is locked against writes
    /// while the index is built.
    /// </summary>
    public const string OrderIndex =
        """
        CREATE INDEX ix_point_usages_order ON point_usages (order_number, member_id, usage_id);
        DROP INDEX ix_point_usages_order_number;
        """;

    /// <summary>
    /// Replaces the index by one that only queries for an order can be planned over. The table is locked against writes while the index is built.
    /// </summary>
    public const string OrderIndexForOrders =
        """
        CREATE INDEX ix_point_usages_order_new ON point_usages (order_number, member_id, usage_id) WHERE usage_id > 0;
        DROP INDEX ix_point_usages_order;
        ALTER INDEX ix_point_usages_order_new RENAME TO ix_point_usages_order;
        """;

    /// <summary>The opposite of <see cref="OrderIndexForOrders"/>.</summary>
    public const string NoOrderIndexForOrders =
        """
        CREATE INDEX ix_point_usages_order_old ON point_usages (order_number, member_id, usage_id);
        DROP INDEX ix_point_usages_order;
        ALTER INDEX ix_point_usages_order_old RENAME TO ix_point_usages_order;
        """;

    /// <summary>The opposite of <see cref="OrderIndex"/>.</summary>
    public const string NoOrderIndex =
        """
        CREATE INDEX ix_point_usages_order_number ON point_usages (member_id, order_number, usage_id);
        DROP INDEX ix_point_usages_order;
        """;

    /// <summary>
    /// The points that each lot of a member held after an entry of its ledger, so that a past balance is found without reading all entries since then.
    /// </summary>
    public const string BalanceCheckpoints =
        """
        CREATE TABLE balance_checkpoints (
            member_id bigint NOT NULL,
            sequence bigint NOT NULL,
            lot_ids bigint[] NOT NULL,
            points bigint[] NOT NULL,
            CONSTRAINT "PK_balance_checkpoints" PRIMARY KEY (member_id, sequence),
            CONSTRAINT "CK_balance_checkpoints_points" CHECK (cardinality(lot_ids) = cardinality(points))
        );
        """;

    /// <summary>The opposite of <see cref="BalanceCheckpoints"/>.</summary>
    public const string NoBalanceCheckpoints = "DROP TABLE balance_checkpoints;";

    /// <summary>The opposite of <see cref="AdminAudit"/>.</summary>
    public const string NoAdminAudit =
        """
        DROP TABLE admin_audit;
        DROP FUNCTION refuse_audit_change();
        """;

    /// <summary>
    /// The table of first answers with their callers. The old table stays for replicas of earlier versions, whose statements need its primary key
    /// without the caller, and for repetitions of requests that they have answered. No row is moved, so a large table is not locked for long.
    /// </summary>
    /// <remarks>
    /// An earlier version does not find what this one has answered. It finds out when it stores its own answer, in the transaction of the effect and
    /// under the member's row lock: that fails then, so that nothing is done twice. As "query_canceled", because it fails only the one command of a
    /// batch, and is answered with 503 and "try again, with the same Idempotency-Key".
    /// </remarks>
    public const string IdempotencyAnswers =
        """
        CREATE TABLE idempotency_answers (
            key varchar(200) NOT NULL,
            caller varchar(22) NOT NULL,
            member_id bigint NOT NULL,
            request_hash bytea NOT NULL,
            status smallint NOT NULL,
            answer bytea NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT "PK_idempotency_answers" PRIMARY KEY (key, caller, member_id)
        );
        CREATE INDEX ix_idempotency_answers_created_at ON idempotency_answers (created_at);

        CREATE FUNCTION refuse_answered_key() RETURNS trigger LANGUAGE plpgsql
        -- Its plan lives as long as the session and may be made when the table is nearly empty.
        SET enable_seqscan = off AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM idempotency_answers
                WHERE key = NEW.key AND member_id = NEW.member_id AND created_at > NEW.created_at - interval '24 hours')
            THEN
                RAISE EXCEPTION 'a newer version has answered a request with this idempotency key' USING ERRCODE = 'query_canceled';
            END IF;
            RETURN NEW;
        END $$;

        CREATE TRIGGER idempotency_keys_answered BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION refuse_answered_key();
        """;

    /// <summary>The opposite of <see cref="IdempotencyAnswers"/>. Keys that are in use by two callers for one member keep one of them.</summary>
    public const string NoIdempotencyAnswers =
        """
        DROP TRIGGER idempotency_keys_answered ON idempotency_keys;
        DROP FUNCTION refuse_answered_key();
        INSERT INTO idempotency_keys (key, member_id, request_hash, status, answer, created_at)
        SELECT key, member_id, request_hash, status, answer, created_at FROM idempotency_answers
        ON CONFLICT (key, member_id) DO NOTHING;
        DROP TABLE idempotency_answers;
        """;

    public const string Down =
        """
        DROP FUNCTION IF EXISTS ledger_sequence_at(bigint, timestamptz);
        DROP FUNCTION IF EXISTS load_lots(bigint, bigint, bigint, date);
        DROP TABLE point_ledger_entries;
        DROP FUNCTION refuse_ledger_change();
        """;
}
