using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace PointSystem.Api.Persistence;

/// <summary>Lets <c>dotnet ef migrations add</c> work without a database.</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<PointDbContext>
{
    public PointDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PointDbContext>().UseNpgsql().Options);
}
