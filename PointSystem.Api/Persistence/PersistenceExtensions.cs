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

    /// <summary>Registers the pools of connections (<see cref="DatabasePools"/>) and the context on top of the one for writes.</summary>
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
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddNpgsql());
        builder.Services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddNpgsqlInstrumentation());
        builder.Services.AddDbContextPool<PointDbContext>((services, options) =>
            options.UseNpgsql(services.GetRequiredService<NpgsqlDataSource>()).UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking));
        AddAspire(builder);
        return builder;
    }

    private static NpgsqlDataSource Build(
        IServiceProvider services, string name, string connectionString, Action<NpgsqlConnectionStringBuilder, DatabasePools> adjust)
    {
        var source = new NpgsqlDataSourceBuilder(connectionString) { Name = name };
        adjust(source.ConnectionStringBuilder, services.GetRequiredService<DatabasePools>());
        source.UseLoggerFactory(services.GetRequiredService<ILoggerFactory>());
        source.ConfigureTracing(Trace);
        return source.Build();
    }

    // What no request and no job asked for (the rules' refreshing, say) would be a trace of one span each, twice a second.
    private static void Trace(NpgsqlTracingOptionsBuilder tracing) => tracing
        .ConfigureCommandFilter(static _ => Activity.Current is not null)
        .ConfigureBatchFilter(static _ => Activity.Current is not null)
        .ConfigureCommandSpanNameProvider(static command => NameOf(command.CommandText))
        .ConfigureBatchSpanNameProvider(
            static batch => NameOf(batch.BatchCommands is [.., { CommandText: "COMMIT" }] ? "COMMIT" : batch.BatchCommands[0].CommandText));

    // What a write's two round trips are known by: BEGIN, which loads under the row locks, and COMMIT, which writes.
    private static string NameOf(string sql)
    {
        var verb = sql.AsSpan().TrimStart();
        var end = verb.IndexOfAny(' ', '\n', ';');
        return $"{(end < 0 ? verb : verb[..end])} {ConnectionName}";
    }

    /// <summary>
    /// Adds the spans and metrics of Aspire's integration for Entity Framework, and nothing that changes how the service behaves.
    /// </summary>
    private static void AddAspire(IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration[TelemetryOptions.OtlpEndpointKey]))
        {
            // It would set OpenTelemetry up for nobody.
            return;
        }
        builder.EnrichNpgsqlDbContext<PointDbContext>(static settings =>
        {
            // A retry may send a write again whose commit has arrived. Whether to try again is decided where that is known: in the ledger.
            settings.DisableRetry = true;
            // DatabaseHealthCheck asks more (the schema) and is bounded in time.
            settings.DisableHealthChecks = true;
        });
    }

    /// <summary>Sets what the hot path lives on unless the connection string says otherwise.</summary>
    internal static string Tune(string connectionString)
    {
        var settings = Parse(connectionString);
        var said = Keywords(connectionString);

        // What Npgsql asks of connection strings for PgBouncer. In transaction mode each transaction may be on another server connection,
        // which knows nothing of statements prepared on the one before, and startup parameters are not passed on.
        var pooler = settings.NoResetOnClose;
        if (!pooler && !said.Contains("MAXAUTOPREPARE"))
        {
            // The statements of the write path are few and fixed; prepared, the server neither parses nor plans them again.
            settings.MaxAutoPrepare = 100;
            settings.AutoPrepareMinUsages = said.Contains("AUTOPREPAREMINUSAGES") ? settings.AutoPrepareMinUsages : 2;
        }

        if (!pooler && string.IsNullOrEmpty(settings.Options))
        {
            // Every statement here touches few rows; where the planner fears more, compiling the plan takes a thousand times as long as
            // running it. And all of them have an index: a prepared plan that reads a whole table was made while the table was small, and
            // is kept when it is not. The server's side of a connection whose other end has vanished (no host, no word): given up within
            // half a minute, not within hours. Every statement that is no transaction of its own counts on READ COMMITTED, whatever the
            // database's default is.
            settings.Options = "-c jit=off -c enable_seqscan=off -c default_transaction_isolation=read\\ committed"
                + " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000";
        }

        if (!said.Any(keyword => keyword.Contains("KEEPALIVE", StringComparison.Ordinal)))
        {
            // Our side of it.
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

    /// <summary>What the connection string names: keywords may be written with spaces or without, in any case.</summary>
    private static HashSet<string> Keywords(string connectionString) =>
        [.. new DbConnectionStringBuilder { ConnectionString = connectionString }.Keys.Cast<string>()
            .Select(keyword => keyword.Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant())];

    private static NpgsqlConnectionStringBuilder Parse(string connectionString)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The text itself is not repeated: it may hold a password.
            throw new ConfigurationFaultException($"The connection string '{ConnectionName}' cannot be read: {e.Message}");
        }
    }
}
