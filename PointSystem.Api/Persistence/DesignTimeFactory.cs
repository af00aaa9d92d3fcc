using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace PointSystem.Api.Persistence;

/// <summary>Allows <c>dotnet ef migrations add</c> without a database.</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<PointDbContext>
{
    public PointDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PointDbContext>().UseNpgsql().Options);
}
