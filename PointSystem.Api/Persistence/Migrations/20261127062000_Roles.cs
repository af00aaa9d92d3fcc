using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>The roles of the processes. "migrate" applies their rights again after every run.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261127062000_Roles")]
    public partial class Roles : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(DatabaseRoles.Apply);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(DatabaseRoles.Revoke);
    }
}
