using System.Data;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Api.Persistence.Rows;
using PointSystem.Api.Security;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Features.Config;

/// <summary>Changes one value, if it is valid on its own and in combination with the others.</summary>
internal static class UpdateConfig
{
    public static async Task<IResult> HandleAsync(
        string key, HttpContext http, Handler handler, IHostEnvironment environment, CancellationToken cancellationToken)
    {
        if (ConfigKeys.Find(key, environment) is not { } known)
        {
            return ConfigErrors.NotFound(key).ToProblem();
        }

        var body = await RequestBody.ReadAsync(http);
        var value = body.TextOrInteger("configValue", Lengths.ConfigValue);
        var description = body.OptionalText("description", Lengths.ConfigDescription);
        if (body.Problem is { } problem)
        {
            return problem;
        }

        var changed = await handler.UpdateAsync(known, value, description, http.AuditOrigin(), cancellationToken);
        return changed.Error is { } error ? error.ToProblem() : TypedResults.Ok(changed.Value);
    }

    public sealed class Handler(PointDbContext db, RulesProvider rules, TimeProvider time, ILogger<Handler> logger)
    {
        public async Task<Result<ConfigResponse>> UpdateAsync(
            ConfigKey key, string value, string? description, AuditOrigin origin, CancellationToken cancellationToken)
        {
            if (key.FindFault(value) is { } fault)
            {
                return ConfigErrors.Invalid(fault);
            }

            await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);

            // Lock all rows, always in the same order: two changes that are valid one by one must not be invalid in combination, and must
            // not deadlock. Read again after locking, because the locking statement does not see rows that were inserted while it waited.
            await db.Database.ExecuteSqlAsync($"SET LOCAL lock_timeout = '5s'", cancellationToken);
            await db.Database.ExecuteSqlAsync($"SELECT 1 FROM point_configs ORDER BY config_key FOR UPDATE", cancellationToken);
            var rows = await db.Configs.AsTracking().ToListAsync(cancellationToken);
            var row = rows.Find(candidate => candidate.ConfigKey == key.Name);
            var old = row?.ConfigValue ?? key.Default;
            var proposed = new ConfigValues(
                rows.Where(other => other != row)
                    .Select(other => KeyValuePair.Create(other.ConfigKey, other.ConfigValue))
                    .Append(KeyValuePair.Create(key.Name, value)));
            if (proposed.Policy.FindViolation() is { } violation)
            {
                return ConfigErrors.Invalid(violation);
            }

            // A PUT that changes nothing adds no entry to the history, and none to the audit.
            if (old == value && (description is null || description == (row?.Description ?? key.Description)))
            {
                origin.AccountFor();
                return GetConfig.Response(key, row);
            }

            var before = Audited(old, row is null ? key.Description : row.Description);
            if (row is null)
            {
                row = new ConfigRow { ConfigKey = key.Name, ConfigValue = value, Description = key.Description, UpdatedBy = origin.Actor };
                db.Configs.Add(row);
            }

            Write(row, value, description, origin.Actor, old);
            await db.SaveChangesAsync(cancellationToken);
            var entry = new AuditEntry(origin, AuditAction.ConfigChanged, AdminAudit.TargetOfConfig(key.Name), before, Audited(value, row.Description));
            await AdminAudit.WriteAsync((NpgsqlConnection)db.Database.GetDbConnection(), entry, row.UpdatedAt, cancellationToken);

            // Not cancellable: if the client disconnected during the commit, we would not know which value is in effect.
            await transaction.CommitAsync(CancellationToken.None);
            rules.Invalidate();
            logger.ConfigChanged(origin.Actor, key.Name, old, value);
            return GetConfig.Response(key, row);
        }

        private static string Audited(string value, string? description) =>
            new JsonObject { ["configValue"] = value, ["description"] = description }.ToJsonString();

        private void Write(ConfigRow row, string value, string? description, string actor, string old)
        {
            row.ConfigValue = value;
            row.Description = description ?? row.Description;
            row.UpdatedAt = Columns.AsStored(time.GetUtcNow());
            row.UpdatedBy = actor;
            db.ConfigHistory.Add(new ConfigHistoryRow
            {
                ConfigKey = row.ConfigKey,
                OldValue = old,
                NewValue = value,
                Description = row.Description,
                UpdatedAt = row.UpdatedAt,
                UpdatedBy = actor,
            });
        }
    }
}
