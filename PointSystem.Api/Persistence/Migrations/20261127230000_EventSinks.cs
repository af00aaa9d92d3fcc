using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>The cursors of brokers. They have no place in the EF model: they are written and read by SQL alone.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261127230000_EventSinks")]
    public partial class EventSinks : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.EventSinks);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoEventSinks);
    }
}
