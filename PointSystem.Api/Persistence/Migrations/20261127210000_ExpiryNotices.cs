using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>Notices of points that will expire. They have no place in the EF model: they are written and read by SQL alone.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261127210000_ExpiryNotices")]
    public partial class ExpiryNotices : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.ExpiryNotices);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoExpiryNotices);
    }
}
