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
        builder.Property(row => row.StartedBy).HasMaxLength(Lengths.Actor);

        // The unique index ux_reconciliation_runs_unfinished allows one unfinished run. It is on a constant, so only the migrations can
        // define it.

        // A paused runner whose run was taken over must not count members twice when it continues.
        builder.Property(row => row.Runner).IsConcurrencyToken();
        builder.Property(row => row.LastMemberId).IsConcurrencyToken();
        builder.Property(row => row.Details).HasColumnType("jsonb");
    }
}
