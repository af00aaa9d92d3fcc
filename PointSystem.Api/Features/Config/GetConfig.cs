using Microsoft.EntityFrameworkCore;
using PointSystem.Api.Configuration;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Api.Persistence.Rows;

namespace PointSystem.Api.Features.Config;

/// <summary>Reads the values in force and their history, straight from the database.</summary>
internal static class GetConfig
{
    private static readonly DateTimeOffset Installed = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static async Task<IResult> ListAsync(PointDbContext db, IHostEnvironment environment, CancellationToken cancellationToken)
    {
        var rows = await db.Configs.ToDictionaryAsync(row => row.ConfigKey, cancellationToken);
        var items = ConfigKeys.All
            .Where(key => ConfigKeys.Find(key.Name, environment) is not null)
            .Select(key => Response(key, rows.GetValueOrDefault(key.Name)))
            .ToList();
        return TypedResults.Ok(new ConfigListResponse(items, null));
    }

    public static async Task<IResult> OneAsync(string key, PointDbContext db, IHostEnvironment environment, CancellationToken cancellationToken)
    {
        if (ConfigKeys.Find(key, environment) is not { } known)
        {
            return ConfigErrors.NotFound(key).ToProblem();
        }

        var row = await db.Configs.SingleOrDefaultAsync(row => row.ConfigKey == key, cancellationToken);
        return TypedResults.Ok(Response(known, row));
    }

    public static async Task<IResult> HistoryAsync(
        string key, HttpContext http, PointDbContext db, IHostEnvironment environment, CancellationToken cancellationToken)
    {
        if (ConfigKeys.Find(key, environment) is null)
        {
            return ConfigErrors.NotFound(key).ToProblem();
        }

        if (!Paging.TryReadSize(http, out var size, out var problem) || !QueryTexts.TryRead(http, "cursor", out var cursor, out problem))
        {
            return problem;
        }

        var list = $"config-history:{key}";
        Span<long> position = [long.MaxValue];
        if (cursor is not null && !Cursor.TryRead(list, cursor, position))
        {
            return QueryTexts.InvalidCursor();
        }

        // One more than asked for tells whether there is a next page.
        var before = position[0];
        var rows = await db.ConfigHistory
            .Where(row => row.ConfigKey == key && row.Id < before)
            .OrderByDescending(row => row.Id)
            .Take(size + 1)
            .ToListAsync(cancellationToken);
        var items = rows.Take(size)
            .Select(row => new ConfigChangeResponse(row.ConfigKey, row.NewValue, row.OldValue, row.NewValue, row.Description, row.UpdatedAt, row.UpdatedBy))
            .ToList();
        return TypedResults.Ok(new ConfigHistoryResponse(items, rows.Count > size ? Cursor.Write(list, rows[size - 1].Id) : null));
    }

    /// <summary>A stored value, or the default of what nobody has changed yet.</summary>
    public static ConfigResponse Response(ConfigKey key, ConfigRow? row) => row is null
        ? new ConfigResponse(key.Name, key.Default, key.Description, Installed, "system")
        : new ConfigResponse(row.ConfigKey, row.ConfigValue, row.Description, row.UpdatedAt, row.UpdatedBy);
}
