using System.Data.Common;
using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Persistence;

internal static class PersistenceExtensions
{
    /// <summary>Name of the connection string.</summary>
    public const string ConnectionName = "points";

    // In seconds. The primary is there.
    private const int StandbyTimeout = 2;

    /// <summary>Registers the connection pools (<see cref="DatabasePools"/>) and the context, which uses the pool for writes.</summary>
    public static IHostApplicationBuilder AddPersistence(this IHostApplicationBuilder builder)
    {
        var connectionString = builder.Configuration.GetConnectionString(ConnectionName);
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new ConfigurationFaultException(
                $"No database is configured: set the connection string '{ConnectionName}' (environment variable ConnectionStrings__{ConnectionName}).");
        }

        var tuned = Tune(connectionString);
        builder.Services.AddOptions<ReadOptions>().BindConfiguration(ReadOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton(services =>
            DatabasePools.Of(new NpgsqlConnectionStringBuilder(tuned).MaxPoolSize, services.GetRequiredService<IOptions<ReadOptions>>().Value.Connections));
        builder.Services.AddSingleton(services => Build(services, ConnectionName, tuned, (settings, pools) =>
        {
            settings.MaxPoolSize = pools.Writes;
            settings.MinPoolSize = Math.Min(settings.MinPoolSize, pools.Writes);
        }));
        builder.Services.AddKeyedSingleton(DatabasePools.ReadPool, (services, _) => Build(services, DatabasePools.ReadPool, tuned, (settings, pools) =>
        {
            settings.MaxPoolSize = pools.Reads;
            settings.MinPoolSize = 0;
            settings.CommandTimeout = (int)Math.Ceiling(services.GetRequiredService<IOptions<ReadOptions>>().Value.Timeout.TotalSeconds);
        }));
        builder.Services.AddKeyedSingleton(DatabasePools.ControlPool, (services, _) => Build(services, DatabasePools.ControlPool, tuned, (settings, pools) =>
        {
            settings.MaxPoolSize = pools.Control;
            settings.MinPoolSize = 0;
        }));
        var standby = FindStandby(builder.Configuration);
        builder.Services.AddSingleton(services => new Standby(
            standby is null
                ? null
                : Build(services, Standby.ConnectionName, standby, (settings, pools) =>
                {
                    settings.MaxPoolSize = pools.Reads;
                    settings.MinPoolSize = 0;
                    settings.Timeout = StandbyTimeout;
                    settings.CommandTimeout = (int)Math.Ceiling(services.GetRequiredService<IOptions<ReadOptions>>().Value.Timeout.TotalSeconds);
                }),
            services.GetRequiredService<TimeProvider>()));
        builder.Services.AddScoped<ReadSource>();
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddNpgsql());
        builder.Services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddNpgsqlInstrumentation());
        builder.Services.AddDbContextPool<PointDbContext>((services, options) =>
            options.UseNpgsql(services.GetRequiredService<NpgsqlDataSource>()).UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking));
        AddAspire(builder);
        return builder;
    }

    /// <summary>The tuned connection string of the standby; null if there is none.</summary>
    private static string? FindStandby(IConfiguration configuration)
    {
        if (configuration.GetConnectionString(Standby.ConnectionName) is not { } given || string.IsNullOrWhiteSpace(given))
        {
            return null;
        }

        // The version is looked up on one connection and the read made on another.
        return Parse(given, Standby.ConnectionName).Host?.Contains(',', StringComparison.Ordinal) == true
            ? throw new ConfigurationFaultException(
                $"The connection string '{Standby.ConnectionName}' must name one server: of several, one could be older than the one that was asked for its version.")
            : Tune(given, Standby.ConnectionName);
    }

    private static NpgsqlDataSource Build(
        IServiceProvider services, string name, string connectionString, Action<NpgsqlConnectionStringBuilder, DatabasePools> adjust)
    {
        var source = new NpgsqlDataSourceBuilder(connectionString) { Name = name };
        adjust(source.ConnectionStringBuilder, services.GetRequiredService<DatabasePools>());
        if (source.ConnectionStringBuilder.Password is { Length: > 0 } password)
        {
            // Npgsql logs its connection string at level Trace, with the password if that stands in it.
            source.ConnectionStringBuilder.Password = null;
            source.UsePasswordProvider(_ => password, (_, _) => ValueTask.FromResult(password));
        }
        source.UseLoggerFactory(services.GetRequiredService<ILoggerFactory>());
        source.ConfigureTracing(Trace);
        return source.Build();
    }

    // Queries outside of requests and jobs, such as the refresh of the rules, would each be a trace of one span, twice a second.
    private static void Trace(NpgsqlTracingOptionsBuilder tracing) => tracing
        .ConfigureCommandFilter(static _ => Activity.Current is not null)
        .ConfigureBatchFilter(static _ => Activity.Current is not null)
        .ConfigureCommandSpanNameProvider(static command => NameOf(command.CommandText))
        .ConfigureBatchSpanNameProvider(
            static batch => NameOf(batch.BatchCommands is [.., { CommandText: "COMMIT" }] ? "COMMIT" : batch.BatchCommands[0].CommandText));

    // The span names of a write's two round trips: BEGIN, which loads under the row locks, and COMMIT, which writes.
    private static string NameOf(string sql)
    {
        var verb = sql.AsSpan().TrimStart();
        var end = verb.IndexOfAny(' ', '\n', ';');
        return $"{(end < 0 ? verb : verb[..end])} {ConnectionName}";
    }

    /// <summary>
    /// Adds the spans and metrics of Aspire's Entity Framework integration, without its changes of behaviour.
    /// </summary>
    private static void AddAspire(IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration[TelemetryOptions.OtlpEndpointKey]))
        {
            // Without an exporter, OpenTelemetry would be set up in vain.
            return;
        }
        builder.EnrichNpgsqlDbContext<PointDbContext>(static settings =>
        {
            // A retry could repeat a write that was committed. The ledger decides about retries, because it knows whether a write may
            // have been committed.
            settings.DisableRetry = true;
            // DatabaseHealthCheck checks more (the schema) and has a time limit.
            settings.DisableHealthChecks = true;
        });
    }

    /// <summary>Sets what the write path needs for its performance, unless the connection string sets it.</summary>
    internal static string Tune(string connectionString, string name = ConnectionName)
    {
        var settings = Parse(connectionString, name);
        var keywords = Keywords(connectionString);

        // Npgsql requires No Reset On Close for PgBouncer, so it identifies a pooler. In transaction mode, each transaction may use
        // another server connection, which does not know statements prepared on an earlier one, and startup parameters are not passed on.
        var pooler = settings.NoResetOnClose;
        if (!pooler && !keywords.Contains("MAXAUTOPREPARE"))
        {
            // The statements of the write path are few and fixed; if they are prepared, the server does not parse and plan them again.
            settings.MaxAutoPrepare = 100;
            settings.AutoPrepareMinUsages = keywords.Contains("AUTOPREPAREMINUSAGES") ? settings.AutoPrepareMinUsages : 2;
        }

        if (!pooler && string.IsNullOrEmpty(settings.Options))
        {
            // jit: every statement touches few rows; where the planner expects more, compiling the plan takes a thousand times as long as
            // running it. enable_seqscan: every statement has an index; a prepared plan with a table scan was made while the table was
            // small, and is kept when it is not. tcp: the server closes a connection whose client has vanished after half a minute
            // instead of hours. Isolation: statements in multi-statement transactions rely on READ COMMITTED, whatever the default of the
            // database is.
            settings.Options = "-c jit=off -c enable_seqscan=off -c default_transaction_isolation=read\\ committed"
                + " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000";
        }

        if (!keywords.Any(keyword => keyword.Contains("KEEPALIVE", StringComparison.Ordinal)))
        {
            // The same for the client side of the connection.
            settings.TcpKeepAlive = true;
            settings.TcpKeepAliveTime = 10;
            settings.TcpKeepAliveInterval = 5;
        }

        if (string.IsNullOrEmpty(settings.ApplicationName))
        {
            settings.ApplicationName = "pointsystem-api";
        }

        return settings.ConnectionString;
    }

    /// <summary>The keywords of the connection string, normalized: they may be written with or without spaces, in any case.</summary>
    private static HashSet<string> Keywords(string connectionString) =>
        [.. new DbConnectionStringBuilder { ConnectionString = connectionString }.Keys.Cast<string>()
            .Select(keyword => keyword.Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant())];

    private static NpgsqlConnectionStringBuilder Parse(string connectionString, string name)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The message does not include the connection string: it may contain a password.
            throw new ConfigurationFaultException($"The connection string '{name}' is not valid: {e.Message}");
        }
    }
}
