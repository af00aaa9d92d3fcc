using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Reconciliation;

/// <summary>The reconcilers of one replica, and helpers that change the books behind their back.</summary>
internal sealed class Reconcilers(
    NpgsqlDataSource database, JobRunner? runner = null, int chunk = 500, Action? progressed = null, ReconciliationOptions? options = null) : IAsyncDisposable
{
    private readonly IOptions<ReconciliationOptions> _options = Options.Create(options ?? new ReconciliationOptions { ChunkSize = chunk });
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly PointDbContext _db =
        new(new DbContextOptionsBuilder<PointDbContext>().UseNpgsql(database).UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking).Options);

    public static AuditOrigin Tester => new("tester");

    public MemberReconciler Members => new(database, database, _options, TimeProvider.System, Metrics, NullLogger<MemberReconciler>.Instance);

    public FullReconciler All => new(
        _db, database, Members, runner!, _options, Options.Create(new JobOptions()), TimeProvider.System,
        new ProgressLogger(progressed ?? (() => { })));

    private ReconciliationMetrics Metrics => new(_services.GetRequiredService<IMeterFactory>());

    /// <summary>Starts a run and completes it.</summary>
    public async Task<RunReport> RunAsync(string actor)
    {
        Assert.NotNull((await All.BeginAsync(new AuditOrigin(actor), Token)).Run);
        await All.ContinueAsync(Token);
        return (await All.FindLatestAsync(Token))!;
    }

    /// <summary>Changes rows with triggers disabled, which needs the superuser of the tests. <c>@m</c> stands for the member.</summary>
    public static async Task TamperAsync(NpgsqlDataSource database, string sql, long member)
    {
        await using var owner = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(PointsDatabase.AsOwner(database.ConnectionString)) { Pooling = false });
        await using var connection = await owner.OpenConnectionAsync(Token);
        await using var transaction = await connection.BeginTransactionAsync(Token);
        var text = sql.Replace("@m", member.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
        await using var command = new NpgsqlCommand("SET LOCAL session_replication_role = replica; " + text, connection);
        Assert.NotEqual(0, await command.ExecuteNonQueryAsync(Token));
        await transaction.CommitAsync(Token);
    }

    /// <summary>All rows of a member, as one text.</summary>
    public static async Task<string> DumpAsync(NpgsqlDataSource database, long member)
    {
        await using var command = database.CreateCommand(
            """
            SELECT concat(
                (SELECT json_agg(t)::text FROM (SELECT * FROM member_wallets WHERE member_id = $1) AS t),
                (SELECT json_agg(t)::text FROM (SELECT * FROM point_accumulations WHERE member_id = $1 ORDER BY lot_id) AS t),
                (SELECT json_agg(t)::text FROM (SELECT * FROM point_ledger_entries WHERE member_id = $1 ORDER BY sequence) AS t),
                (SELECT json_agg(t)::text FROM (SELECT * FROM point_usages WHERE member_id = $1 ORDER BY usage_id) AS t),
                (SELECT json_agg(t)::text FROM (SELECT * FROM point_usage_details WHERE member_id = $1 ORDER BY usage_id, detail_number) AS t))
            """);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = member });
        return (string)(await command.ExecuteScalarAsync(Token))!;
    }

    public async ValueTask DisposeAsync()
    {
        await _db.DisposeAsync();
        await _services.DisposeAsync();
    }

    /// <summary>Calls back after each chunk, which the reconciler reports in its log.</summary>
    private sealed class ProgressLogger(Action progressed) : ILogger<FullReconciler>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "Progress")
            {
                progressed();
            }
        }
    }
}
