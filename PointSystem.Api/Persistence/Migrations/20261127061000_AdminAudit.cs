using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>The audit of what administrators do. It has no place in the EF model: it is written and read by SQL alone.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261127061000_AdminAudit")]
    public partial class AdminAudit : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.AdminAudit);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoAdminAudit);
    }
}
