using System.Diagnostics;
using Microsoft.Extensions.Options;
using Npgsql;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using PointSystem.Notifications.Feed;
using PointSystem.Notifications.Sending;
using PointSystem.Notifications.Templates;
using PointSystem.ServiceDefaults;

namespace PointSystem.Notifications;

/// <summary>Tells members what happens to their points. docs/notifications.md describes it.</summary>
internal static class NotificationApplication
{
    /// <summary>Name of the connection string; its user has the role <c>points_notifications</c>.</summary>
    public const string ConnectionName = "points";

    // The feed has one at a time, and each channel one for each notification that it is sending.
    private const int ConnectionsMax = 10;

    /// <summary>Runs until SIGTERM or Ctrl+C. Several processes at a time share the work.</summary>
    /// <returns>0 after an orderly shutdown, 1 if it could not start; the reason is one sentence on standard error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            await using var app = Create(args);
            await app.RunAsync();
            return 0;
        }
        catch (Exception fault) when (StartFaults.Describe(fault) is { } sentence)
        {
            await Console.Error.WriteLineAsync(sentence);
            return 1;
        }
    }

    private static WebApplication Create(string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.AddServiceDefaults();
        builder.AddOneLineConsole();

        // Failures of requests and of the database are logged where they are handled, once for each outage.
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical).AddFilter("Npgsql", LogLevel.Critical)
            .AddFilter("Polly", LogLevel.Critical).AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.AddDatabase();

        builder.Services.AddOptions<NotificationOptions>().BindConfiguration(NotificationOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<NotificationOptions>, NotificationOptionsValidator>();
        builder.Services.AddSingleton<NotificationStore>();
        builder.Services.AddSingleton<NotificationMetrics>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<NotificationMetrics>());
        builder.Services.AddSingleton<MessageTemplates>();
        builder.Services.AddSingleton<QuietHours>();
        builder.AddFeed();
        builder.AddSenders();
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database", tags: [Extensions.ReadyTag]);

        var app = builder.Build();
        // A template that cannot be read ends the start, not the first notification that needs it.
        app.Services.GetRequiredService<MessageTemplates>();
        app.MapDefaultEndpoints();
        return app;
    }

    private static void AddDatabase(this WebApplicationBuilder builder)
    {
        var connectionString = builder.Configuration.GetConnectionString(ConnectionName);
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new OptionsValidationException(ConnectionName, typeof(NpgsqlDataSource),
                [$"No database is configured: set the connection string '{ConnectionName}' (environment variable ConnectionStrings__{ConnectionName})."]);
        }

        builder.Services.AddSingleton(services =>
        {
            NpgsqlDataSourceBuilder source;
            try
            {
                source = new NpgsqlDataSourceBuilder(connectionString) { Name = ConnectionName };
            }
            catch (Exception fault) when (fault is ArgumentException or FormatException)
            {
                throw new OptionsValidationException(ConnectionName, typeof(NpgsqlDataSource), [$"The connection string '{ConnectionName}' is not valid: {fault.Message}"]);
            }

            var settings = source.ConnectionStringBuilder;
            settings.MaxPoolSize = Math.Min(settings.MaxPoolSize, ConnectionsMax);
            settings.ApplicationName ??= "pointsystem-notifications";
            if (settings.Password is { Length: > 0 } password)
            {
                // Npgsql logs its connection string at level Trace, with the password if that stands in it.
                settings.Password = null;
                source.UsePasswordProvider(_ => password, (_, _) => ValueTask.FromResult(password));
            }

            source.UseLoggerFactory(services.GetRequiredService<ILoggerFactory>());

            // Each look for work would be a trace of one span, several times a second.
            source.ConfigureTracing(static tracing => tracing
                .ConfigureCommandFilter(static _ => Activity.Current is not null)
                .ConfigureBatchFilter(static _ => Activity.Current is not null));
            return source.Build();
        });
        builder.Services.ConfigureOpenTelemetryTracerProvider(static tracing => tracing.AddNpgsql());
        builder.Services.ConfigureOpenTelemetryMeterProvider(static metrics => metrics.AddNpgsqlInstrumentation());
    }
}
