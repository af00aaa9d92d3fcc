using Microsoft.EntityFrameworkCore;

namespace PointSystem.Api.Persistence;

/// <summary><c>PointSystem.Api migrate</c>: brings the schema up to date and ends. Replicas never migrate; they wait until this has run.</summary>
internal static class MigrateCommand
{
    public const string Verb = "migrate";

    public static async Task<int> RunAsync(IHost app, CancellationToken cancellationToken)
    {
        await using var scope = app.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PointDbContext>();
        var pending = (await db.Database.GetPendingMigrationsAsync(cancellationToken)).ToList();
        await db.Database.MigrateAsync(cancellationToken);
        await Console.Out.WriteLineAsync(pending.Count == 0 ? "The schema is up to date." : $"Applied {string.Join(", ", pending)}.");
        return 0;
    }
}
