using Npgsql;
using PointSystem.Api.Caching;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Config;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Features.Locks;
using PointSystem.Api.Features.Notifications;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Features.Webhooks;
using PointSystem.Api.Health;
using PointSystem.Api.Http;
using PointSystem.Api.Jobs;
using PointSystem.Api.Ledger;
using PointSystem.Api.OpenApi;
using PointSystem.Api.Persistence;
using PointSystem.Api.Security;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Hosting;

/// <summary>Composes and runs the service.</summary>
internal static class PointApplication
{
    /// <summary>Runs the service until it is stopped, or migrates the database.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="more">
    /// Registers further services or replaces registered ones: the benchmarks use it to measure other locks in this service.
    /// </param>
    /// <returns>The exit code: 1, with a sentence on standard error, if the environment is at fault.</returns>
    public static async Task<int> RunAsync(string[] args, Action<IHostApplicationBuilder>? more = null)
    {
        try
        {
            // The settings are next to the program, wherever it is started from.
            var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
            builder.AddServiceDefaults();
            builder.AddOneLineConsole();
            builder.AddPersistence();
            builder.AddPointSecurity();
            builder.AddPointHttp(PointJsonContext.Wire);
            builder.AddPointRules();
            builder.AddBalanceCache();
            builder.AddLedger();
            builder.AddPoints();
            builder.AddConfig();
            builder.AddPointHealth();
            builder.AddPointOpenApi();
            builder.AddPointJobs();
            builder.AddReconciliation();
            builder.AddWarmUp();
            builder.AddEvents();
            builder.AddWebhooks();
            builder.AddNotifications();
            more?.Invoke(builder);

            var app = builder.Build();
            var migrates = args is [MigrateCommand.Verb, ..];
            await DatabaseRequirements.CheckAsync(
                app.Services.GetRequiredKeyedService<NpgsqlDataSource>(DatabasePools.ControlPool),
                migrates || !app.Environment.IsProduction() ? null : app.Logger);
            if (migrates)
            {
                return await MigrateCommand.RunAsync(app, CancellationToken.None);
            }

            app.Use(static (http, next) => WarmUp.HideFromMetrics(http, next));
            app.UsePointHttp();
            app.UsePointSecurity();
            app.UseAudit();
            app.RefuseUnknownParameters();

            app.MapDefaultEndpoints();
            app.MapPoints();
            app.MapConfig();
            app.MapPointOpenApi();
            app.MapReconciliation();
            app.MapLocks();
            app.MapAudit();
            app.MapEvents();
            app.MapLedgerExport();
            app.MapWebhooks();
            app.MapNotifications();
            await app.RunAsync();
            return 0;
        }
        catch (Exception fault) when (StartupFaults.Describe(fault) is { } sentence)
        {
            await Console.Error.WriteLineAsync(sentence);
            return 1;
        }
    }
}
