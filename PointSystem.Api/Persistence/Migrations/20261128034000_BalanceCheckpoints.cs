using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>What the lots of members held in the past. It has no place in the EF model: it is written and read by SQL alone.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261128034000_BalanceCheckpoints")]
    public partial class BalanceCheckpoints : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.BalanceCheckpoints);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoBalanceCheckpoints);
    }
}
