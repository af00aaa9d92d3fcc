using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>Receivers of webhooks and their deliveries. They have no place in the EF model: they are written and read by SQL alone.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261127200000_Webhooks")]
    public partial class Webhooks : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.Webhooks);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoWebhooks);
    }
}
