using Microsoft.EntityFrameworkCore;
using PointSystem.Api.Configuration;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Api.Persistence.Rows;

namespace PointSystem.Api.Features.Config;

/// <summary>Reads the current values and their history directly from the database.</summary>
internal static class GetConfig
{
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

        var list = $"config-history:{key}";
        if (!Paging.TryReadSize(http, out var size, out var problem) || !Paging.TryReadPosition(http, list, long.MaxValue, out var before, out problem))
        {
            return problem;
        }

        // One row more than requested shows whether there is a next page.
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

    /// <summary>The stored value, otherwise the default.</summary>
    public static ConfigResponse Response(ConfigKey key, ConfigRow? row) => row is null
        ? new ConfigResponse(key.Name, key.Default, key.Description, ConfigRow.InstalledAt, ConfigRow.InstalledBy)
        : new ConfigResponse(row.ConfigKey, row.ConfigValue, row.Description, row.UpdatedAt, row.UpdatedBy);
}
