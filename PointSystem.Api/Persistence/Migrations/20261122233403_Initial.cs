using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

#pragma warning disable CA1814 // Prefer jagged arrays over multidimensional

namespace PointSystem.Api.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "idempotency_keys",
                columns: table => new
                {
                    key = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    request_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    status = table.Column<short>(type: "smallint", nullable: false),
                    answer = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_idempotency_keys", x => new { x.key, x.member_id });
                });

            migrationBuilder.CreateTable(
                name: "member_wallets",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    balance = table.Column<long>(type: "bigint", nullable: false, defaultValue: 0L),
                    manual_balance = table.Column<long>(type: "bigint", nullable: false, defaultValue: 0L),
                    version = table.Column<long>(type: "bigint", nullable: false, defaultValue: 0L),
                    last_entry_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_member_wallets", x => x.member_id);
                    table.CheckConstraint("ck_member_wallets_balance", "balance >= 0");
                    table.CheckConstraint("ck_member_wallets_manual_balance", "manual_balance BETWEEN 0 AND balance");
                    table.CheckConstraint("ck_member_wallets_member_id", "member_id >= 1");
                    table.CheckConstraint("ck_member_wallets_version", "version >= 0");
                });

            migrationBuilder.CreateTable(
                name: "point_accumulations",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    lot_id = table.Column<long>(type: "bigint", nullable: false),
                    point_key = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    amount = table.Column<long>(type: "bigint", nullable: false),
                    available_amount = table.Column<long>(type: "bigint", nullable: false),
                    used_amount = table.Column<long>(type: "bigint", nullable: false),
                    cancelled_amount = table.Column<long>(type: "bigint", nullable: false),
                    expired_amount = table.Column<long>(type: "bigint", nullable: false),
                    expiration_date = table.Column<DateOnly>(type: "date", nullable: false),
                    is_manual_grant = table.Column<bool>(type: "boolean", nullable: false),
                    source_point_key = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: true),
                    is_open = table.Column<bool>(type: "boolean", nullable: false, computedColumnSql: "available_amount > 0", stored: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_accumulations", x => new { x.member_id, x.lot_id });
                    table.CheckConstraint("ck_point_accumulations_amount", "amount >= 1");
                    table.CheckConstraint("ck_point_accumulations_available", "available_amount BETWEEN 0 AND amount");
                    table.CheckConstraint("ck_point_accumulations_cancelled", "cancelled_amount IN (0, amount)");
                    table.CheckConstraint("ck_point_accumulations_expired", "expired_amount BETWEEN 0 AND amount");
                    table.CheckConstraint("ck_point_accumulations_sum", "amount = available_amount + used_amount + cancelled_amount + expired_amount");
                    table.CheckConstraint("ck_point_accumulations_used", "used_amount BETWEEN 0 AND amount");
                });

            migrationBuilder.CreateTable(
                name: "point_config_history",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    config_key = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    old_value = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: true),
                    new_value = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    description = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_config_history", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "point_configs",
                columns: table => new
                {
                    config_key = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    config_value = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    description = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_by = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_configs", x => x.config_key);
                });

            migrationBuilder.CreateTable(
                name: "point_ledger_entries",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    sequence = table.Column<long>(type: "bigint", nullable: false),
                    group_sequence = table.Column<long>(type: "bigint", nullable: false),
                    kind = table.Column<string>(type: "character varying(20)", maxLength: 20, nullable: false),
                    point_key = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    lot_id = table.Column<long>(type: "bigint", nullable: false),
                    delta = table.Column<long>(type: "bigint", nullable: false),
                    balance_after = table.Column<long>(type: "bigint", nullable: false),
                    occurred_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    actor = table.Column<string>(type: "character varying(200)", maxLength: 200, nullable: false),
                    reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_ledger_entries", x => new { x.member_id, x.sequence });
                    table.CheckConstraint("ck_point_ledger_entries_balance_after", "balance_after >= 0");
                    table.CheckConstraint("ck_point_ledger_entries_delta", "delta <> 0");
                    table.CheckConstraint(
                        "ck_point_ledger_entries_kind",
                        "kind IN ('ACCUMULATE', 'ACCUMULATE_CANCEL', 'USE', 'USE_CANCEL', 'REGRANT', 'TRANSFER_OUT', 'TRANSFER_IN', 'EXPIRE')");
                    table.CheckConstraint("ck_point_ledger_entries_sequence", "sequence >= 1 AND group_sequence BETWEEN 1 AND sequence");
                });

            migrationBuilder.CreateTable(
                name: "point_transfers",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    first_sequence = table.Column<long>(type: "bigint", nullable: false),
                    point_key = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    to_member_id = table.Column<long>(type: "bigint", nullable: false),
                    amount = table.Column<long>(type: "bigint", nullable: false),
                    reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_transfers", x => new { x.member_id, x.first_sequence });
                    table.CheckConstraint("ck_point_transfers_amount", "amount >= 1");
                    table.CheckConstraint("ck_point_transfers_to_member_id", "to_member_id <> member_id");
                });

            migrationBuilder.CreateTable(
                name: "point_usage_details",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    usage_id = table.Column<long>(type: "bigint", nullable: false),
                    detail_number = table.Column<int>(type: "integer", nullable: false),
                    lot_id = table.Column<long>(type: "bigint", nullable: false),
                    amount = table.Column<long>(type: "bigint", nullable: false),
                    cancelled_amount = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_usage_details", x => new { x.member_id, x.usage_id, x.detail_number });
                    table.CheckConstraint("ck_point_usage_details_amount", "amount >= 1");
                    table.CheckConstraint("ck_point_usage_details_cancelled_amount", "cancelled_amount BETWEEN 0 AND amount");
                });

            migrationBuilder.CreateTable(
                name: "point_usages",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    usage_id = table.Column<long>(type: "bigint", nullable: false),
                    point_key = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    order_number = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    total_amount = table.Column<long>(type: "bigint", nullable: false),
                    cancelled_amount = table.Column<long>(type: "bigint", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_point_usages", x => new { x.member_id, x.usage_id });
                    table.CheckConstraint("ck_point_usages_cancelled_amount", "cancelled_amount BETWEEN 0 AND total_amount");
                    table.CheckConstraint("ck_point_usages_total_amount", "total_amount >= 1");
                });

            migrationBuilder.CreateTable(
                name: "usage_cancellations",
                columns: table => new
                {
                    member_id = table.Column<long>(type: "bigint", nullable: false),
                    first_sequence = table.Column<long>(type: "bigint", nullable: false),
                    last_sequence = table.Column<long>(type: "bigint", nullable: false),
                    point_key = table.Column<string>(type: "character varying(40)", maxLength: 40, nullable: false),
                    usage_id = table.Column<long>(type: "bigint", nullable: false),
                    amount = table.Column<long>(type: "bigint", nullable: false),
                    reason = table.Column<string>(type: "character varying(500)", maxLength: 500, nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_usage_cancellations", x => new { x.member_id, x.first_sequence });
                    table.CheckConstraint("ck_usage_cancellations_amount", "amount >= 1");
                    table.CheckConstraint("ck_usage_cancellations_sequence", "last_sequence >= first_sequence");
                });

            migrationBuilder.InsertData(
                table: "point_configs",
                columns: new[] { "config_key", "config_value", "description", "updated_at", "updated_by" },
                values: new object[,]
                {
                    { "DEFAULT_EXPIRATION_DAYS", "365", "Days until a lot expires when nothing is said",
                        new DateTimeOffset(new DateTime(2026, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "system" },
                    { "MAX_ACCUMULATION_AMOUNT_PER_TIME", "100000", "Most points of one accumulation",
                        new DateTimeOffset(new DateTime(2026, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "system" },
                    { "MAX_BALANCE_PER_MEMBER", "10000000", "Most live points a member may reach by accumulating or receiving",
                        new DateTimeOffset(new DateTime(2026, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "system" },
                    { "MAX_EXPIRATION_DAYS", "1824", "Most days until expiry that may be asked for",
                        new DateTimeOffset(new DateTime(2026, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "system" },
                    { "MIN_EXPIRATION_DAYS", "1", "Fewest days until expiry that may be asked for",
                        new DateTimeOffset(new DateTime(2026, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "system" }
                });

            migrationBuilder.CreateIndex(
                name: "ix_idempotency_keys_created_at",
                table: "idempotency_keys",
                column: "created_at");

            migrationBuilder.CreateIndex(
                name: "ix_point_accumulations_draw_order",
                table: "point_accumulations",
                columns: new[] { "member_id", "is_manual_grant", "expiration_date", "created_at", "lot_id" },
                descending: new[] { false, true, false, false, false },
                filter: "is_open");

            migrationBuilder.CreateIndex(
                name: "ix_point_accumulations_expiry",
                table: "point_accumulations",
                columns: new[] { "expiration_date", "member_id" },
                filter: "is_open AND lot_id > 0");

            migrationBuilder.CreateIndex(
                name: "ux_point_accumulations_point_key",
                table: "point_accumulations",
                columns: new[] { "point_key", "member_id" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_point_config_history_key",
                table: "point_config_history",
                columns: new[] { "config_key", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_point_ledger_entries_kind",
                table: "point_ledger_entries",
                columns: new[] { "member_id", "kind", "sequence" },
                filter: "sequence = group_sequence");

            migrationBuilder.CreateIndex(
                name: "ux_point_transfers_point_key",
                table: "point_transfers",
                columns: new[] { "member_id", "point_key" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_point_usage_details_lot",
                table: "point_usage_details",
                columns: new[] { "member_id", "lot_id", "usage_id" });

            migrationBuilder.CreateIndex(
                name: "ix_point_usages_order_number",
                table: "point_usages",
                columns: new[] { "member_id", "order_number", "usage_id" });

            migrationBuilder.CreateIndex(
                name: "ux_point_usages_point_key",
                table: "point_usages",
                columns: new[] { "member_id", "point_key" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_usage_cancellations_usage",
                table: "usage_cancellations",
                columns: new[] { "member_id", "usage_id" });

            migrationBuilder.CreateIndex(
                name: "ux_usage_cancellations_point_key",
                table: "usage_cancellations",
                columns: new[] { "member_id", "point_key" },
                unique: true);

            migrationBuilder.Sql(MigrationSql.LedgerGuard);
            migrationBuilder.Sql(MigrationSql.Storage);
            migrationBuilder.Sql(MigrationSql.LoadLots);
            migrationBuilder.Sql(MigrationSql.LedgerSequenceAt);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(MigrationSql.Down);

            migrationBuilder.DropTable(
                name: "idempotency_keys");

            migrationBuilder.DropTable(
                name: "member_wallets");

            migrationBuilder.DropTable(
                name: "point_accumulations");

            migrationBuilder.DropTable(
                name: "point_config_history");

            migrationBuilder.DropTable(
                name: "point_configs");

            migrationBuilder.DropTable(
                name: "point_transfers");

            migrationBuilder.DropTable(
                name: "point_usage_details");

            migrationBuilder.DropTable(
                name: "point_usages");

            migrationBuilder.DropTable(
                name: "usage_cancellations");
        }
    }
}
