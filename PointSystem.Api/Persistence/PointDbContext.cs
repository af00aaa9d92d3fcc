using Microsoft.EntityFrameworkCore;
using PointSystem.Api.Persistence.Rows;

namespace PointSystem.Api.Persistence;

/// <summary>
/// The database model, for migrations and reads. Only <c>Ledger/</c> writes points: as sets, under the row locks of the wallets.
/// </summary>
internal sealed class PointDbContext : DbContext
{
    /// <param name="options">Where the database is, and how to talk to it.</param>
    public PointDbContext(DbContextOptions<PointDbContext> options)
        : base(options) =>
        // Nobody goes on after a failed SaveChanges, so the two round trips of a savepoint buy nothing. And Entity Framework swallows the
        // failure to release one: the loss of the connection would show only at the next statement.
        Database.AutoSavepointsEnabled = false;

    public DbSet<WalletRow> Wallets => Set<WalletRow>();

    public DbSet<AccumulationRow> Accumulations => Set<AccumulationRow>();

    public DbSet<UsageRow> Usages => Set<UsageRow>();

    public DbSet<UsageDetailRow> UsageDetails => Set<UsageDetailRow>();

    public DbSet<UsageCancellationRow> UsageCancellations => Set<UsageCancellationRow>();

    public DbSet<TransferRow> Transfers => Set<TransferRow>();

    public DbSet<LedgerEntryRow> LedgerEntries => Set<LedgerEntryRow>();

    public DbSet<IdempotencyAnswerRow> IdempotencyAnswers => Set<IdempotencyAnswerRow>();

    public DbSet<IdempotencyKeyRow> IdempotencyKeys => Set<IdempotencyKeyRow>();

    public DbSet<ConfigRow> Configs => Set<ConfigRow>();

    public DbSet<ConfigHistoryRow> ConfigHistory => Set<ConfigHistoryRow>();

    public DbSet<ReconciliationRunRow> ReconciliationRuns => Set<ReconciliationRunRow>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(PointDbContext).Assembly);
        SnakeCase.Apply(modelBuilder);
    }
}
