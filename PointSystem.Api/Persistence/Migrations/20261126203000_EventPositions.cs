using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>Positions of ledger entries and configuration changes in the order of events.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261126203000_EventPositions")]
    public partial class EventPositions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.EventPositions);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoEventPositions);
    }
}
