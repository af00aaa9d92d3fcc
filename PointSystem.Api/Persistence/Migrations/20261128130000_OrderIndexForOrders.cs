using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>An index that is used for nothing but the usages of an order.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261128130000_OrderIndexForOrders")]
    public partial class OrderIndexForOrders : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.OrderIndexForOrders);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(MigrationSql.NoOrderIndexForOrders);
    }
}
