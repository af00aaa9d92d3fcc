using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace PointSystem.Api.Persistence.Migrations
{
    /// <summary>Rewords the descriptions of the limits. A description that was changed in operation stays.</summary>
    [DbContext(typeof(PointDbContext))]
    [Migration("20261126173000_ConfigDescriptions")]
    public partial class ConfigDescriptions : Migration
    {
        private static readonly (string Key, string Before, string After)[] Descriptions =
        [
            ("MAX_ACCUMULATION_AMOUNT_PER_TIME", "Most points of one accumulation", "Maximum points of one accumulation"),
            ("MAX_BALANCE_PER_MEMBER",
                "Most live points a member may reach by accumulating or receiving",
                "Maximum live points that a member may reach by accumulating or receiving"),
            ("DEFAULT_EXPIRATION_DAYS",
                "Days until a lot expires when nothing is said",
                "Days until an accumulation expires if the request does not say otherwise"),
            ("MIN_EXPIRATION_DAYS", "Fewest days until expiry that may be asked for", "Minimum days until expiry that may be requested"),
            ("MAX_EXPIRATION_DAYS", "Most days until expiry that may be asked for", "Maximum days until expiry that may be requested"),
        ];

        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            foreach (var (key, before, after) in Descriptions)
            {
                migrationBuilder.Sql(Reword(key, before, after));
            }
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            foreach (var (key, before, after) in Descriptions)
            {
                migrationBuilder.Sql(Reword(key, after, before));
            }
        }

        private static string Reword(string key, string before, string after) =>
            $"UPDATE point_configs SET description = '{after}' WHERE config_key = '{key}' AND description = '{before}';";
    }
}
