using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using PointSystem.Api.Persistence.Rows;

namespace PointSystem.Api.Persistence.Configurations;

internal sealed class ReconciliationRunConfiguration : IEntityTypeConfiguration<ReconciliationRunRow>
{
    public void Configure(EntityTypeBuilder<ReconciliationRunRow> builder)
    {
        builder.ToTable("reconciliation_runs");
        builder.HasKey(row => row.Id);
        builder.Property(row => row.StartedBy).HasMaxLength(200);

        // A runner that was taken for dead and wakes up again must not count members twice.
        builder.Property(row => row.Runner).IsConcurrencyToken();
        builder.Property(row => row.LastMemberId).IsConcurrencyToken();
        builder.Property(row => row.Details).HasColumnType("jsonb");

        // One run at a time: whoever asks while one is unfinished goes on with that one.
        builder.HasIndex(row => row.FinishedAt).HasFilter("finished_at IS NULL").HasDatabaseName("ix_reconciliation_runs_unfinished");
    }
}
