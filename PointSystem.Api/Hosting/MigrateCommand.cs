using Microsoft.EntityFrameworkCore;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Hosting;

/// <summary>
/// <c>PointSystem.Api migrate</c>: brings the schema up to date and ends. Replicas never migrate; they wait until this has run. Several at once wait for each
/// other from beginning to end, because even asking for the list of migrations of a new database is a race.
/// </summary>
internal static class MigrateCommand
{
    public const string Verb = "migrate";

    private const string Key = "point:migrate";

    // An index over a table of many millions of rows takes its time.
    private static readonly TimeSpan StatementTimeout = TimeSpan.FromHours(4);

    public static async Task<int> RunAsync(IHost app, CancellationToken cancellationToken)
    {
        await using var scope = app.Services.CreateAsyncScope();
        await using var turn = await scope.ServiceProvider.GetRequiredService<AdvisoryLocks>().TakeAsync(Key, cancellationToken);
        var db = scope.ServiceProvider.GetRequiredService<PointDbContext>();
        db.Database.SetCommandTimeout(StatementTimeout);
        var pending = (await db.Database.GetPendingMigrationsAsync(cancellationToken)).ToList();
        await db.Database.MigrateAsync(cancellationToken);
        await Console.Out.WriteLineAsync(pending.Count == 0 ? "The schema is up to date." : $"Applied {string.Join(", ", pending)}.");
        return 0;
    }
}
