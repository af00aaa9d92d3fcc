using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class OneReconciliationRun : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // With defaults, for replicas of the version before, which know nothing of these columns.
            migrationBuilder.AddColumn<long>(name: "failed", table: "reconciliation_runs", type: "bigint", nullable: false, defaultValue: 0L);
            migrationBuilder.AddColumn<bool>(name: "resumed", table: "reconciliation_runs", type: "boolean", nullable: false, defaultValue: false);
            migrationBuilder.Sql(MigrationSql.OneUnfinishedRun);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(MigrationSql.ManyUnfinishedRuns);
            migrationBuilder.DropColumn(name: "failed", table: "reconciliation_runs");
            migrationBuilder.DropColumn(name: "resumed", table: "reconciliation_runs");
        }
    }
}
