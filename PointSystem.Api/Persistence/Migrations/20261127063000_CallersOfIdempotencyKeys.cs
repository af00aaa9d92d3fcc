using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>First answers by caller, in a table of their own.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261127063000_CallersOfIdempotencyKeys")]
    public partial class CallersOfIdempotencyKeys : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.IdempotencyAnswers);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoIdempotencyAnswers);
    }
}
