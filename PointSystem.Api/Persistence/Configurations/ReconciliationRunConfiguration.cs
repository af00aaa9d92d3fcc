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

        // Only one run is unfinished: by the unique index ux_reconciliation_runs_unfinished of the migrations, over a constant, which EF
        // cannot say.

        // A runner that was taken for dead and wakes up again must not count members twice.
        builder.Property(row => row.Runner).IsConcurrencyToken();
        builder.Property(row => row.LastMemberId).IsConcurrencyToken();
        builder.Property(row => row.Details).HasColumnType("jsonb");
    }
}
