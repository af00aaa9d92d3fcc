using Microsoft.EntityFrameworkCore;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Hosting;

/// <summary>
/// <c>PointSystem.Api migrate</c>: updates the schema and the rights of the roles, and exits. Replicas never migrate; they are not ready until this has run.
/// Concurrent runs execute one after the other as a whole, because even listing the migrations of a new database is a race.
/// </summary>
internal static class MigrateCommand
{
    public const string Verb = "migrate";

    private const string Key = "point:migrate";

    // Creating an index on a table with many millions of rows takes long.
    private static readonly TimeSpan StatementTimeout = TimeSpan.FromHours(4);

    public static async Task<int> RunAsync(IHost app, CancellationToken cancellationToken)
    {
        await using var scope = app.Services.CreateAsyncScope();
        await using var held = await scope.ServiceProvider.GetRequiredService<AdvisoryLocks>().AcquireAsync(Key, cancellationToken);
        var db = scope.ServiceProvider.GetRequiredService<PointDbContext>();
        db.Database.SetCommandTimeout(StatementTimeout);
        var pending = (await db.Database.GetPendingMigrationsAsync(cancellationToken)).ToList();
        await db.Database.MigrateAsync(cancellationToken);
        await Console.Out.WriteLineAsync(pending.Count == 0 ? "The schema is up to date." : $"Applied {string.Join(", ", pending)}.");
        var database = scope.ServiceProvider.GetRequiredService<NpgsqlDataSource>();
        foreach (var sentence in await DatabaseRoles.ApplyAsync(database, cancellationToken))
        {
            await Console.Out.WriteLineAsync(sentence);
        }

        if (await EventPositions.AlignAsync(database, cancellationToken))
        {
            await Console.Out.WriteLineAsync("The data come from another cluster: the positions of new events now follow those of the old ones.");
        }

        return 0;
    }
}
