using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using PointSystem.Api.Persistence.Rows;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Persistence.Configurations;

internal sealed class UsageConfiguration : IEntityTypeConfiguration<UsageRow>
{
    public void Configure(EntityTypeBuilder<UsageRow> builder)
    {
        builder.ToTable("point_usages", table =>
        {
            table.HasCheckConstraint("ck_point_usages_total_amount", "total_amount >= 1");
            table.HasCheckConstraint("ck_point_usages_cancelled_amount", "cancelled_amount BETWEEN 0 AND total_amount");
        });
        builder.HasKey(row => new { row.MemberId, row.UsageId });
        builder.HasIndex(row => new { row.MemberId, row.PointKey }).IsUnique().HasDatabaseName("ux_point_usages_point_key");

        // The order first, because order numbers are looked up with and without a member. True for every usage: without the condition, a plan that is made
        // while there are few usages can look through all entries for one that is named by its id.
        builder.HasIndex(row => new { row.OrderNumber, row.MemberId, row.UsageId })
            .HasFilter("usage_id > 0")
            .HasDatabaseName("ix_point_usages_order");
        builder.Property(row => row.PointKey).HasMaxLength(Lengths.PointKey);
        builder.Property(row => row.OrderNumber).HasMaxLength(OrderNumbers.LengthMax);
    }
}

internal sealed class UsageDetailConfiguration : IEntityTypeConfiguration<UsageDetailRow>
{
    public void Configure(EntityTypeBuilder<UsageDetailRow> builder)
    {
        builder.ToTable("point_usage_details", table =>
        {
            table.HasCheckConstraint("ck_point_usage_details_amount", "amount >= 1");
            table.HasCheckConstraint("ck_point_usage_details_cancelled_amount", "cancelled_amount BETWEEN 0 AND amount");
        });
        builder.HasKey(row => new { row.MemberId, row.UsageId, row.DetailNumber });
        builder.HasIndex(row => new { row.MemberId, row.LotId, row.UsageId }).HasDatabaseName("ix_point_usage_details_lot");
    }
}

internal sealed class UsageCancellationConfiguration : IEntityTypeConfiguration<UsageCancellationRow>
{
    public void Configure(EntityTypeBuilder<UsageCancellationRow> builder)
    {
        builder.ToTable("usage_cancellations", table =>
        {
            table.HasCheckConstraint("ck_usage_cancellations_amount", "amount >= 1");
            table.HasCheckConstraint("ck_usage_cancellations_sequence", "last_sequence >= first_sequence");
        });
        builder.HasKey(row => new { row.MemberId, row.FirstSequence });
        builder.HasIndex(row => new { row.MemberId, row.PointKey }).IsUnique().HasDatabaseName("ux_usage_cancellations_point_key");
        builder.HasIndex(row => new { row.MemberId, row.UsageId }).HasDatabaseName("ix_usage_cancellations_usage");
        builder.Property(row => row.PointKey).HasMaxLength(Lengths.PointKey);
        builder.Property(row => row.Reason).HasMaxLength(Lengths.Reason);
    }
}

internal sealed class TransferConfiguration : IEntityTypeConfiguration<TransferRow>
{
    public void Configure(EntityTypeBuilder<TransferRow> builder)
    {
        builder.ToTable("point_transfers", table =>
        {
            table.HasCheckConstraint("ck_point_transfers_amount", "amount >= 1");
            table.HasCheckConstraint("ck_point_transfers_to_member_id", "to_member_id <> member_id");
        });
        builder.HasKey(row => new { row.MemberId, row.FirstSequence });
        builder.HasIndex(row => new { row.MemberId, row.PointKey }).IsUnique().HasDatabaseName("ux_point_transfers_point_key");
        builder.Property(row => row.PointKey).HasMaxLength(Lengths.PointKey);
        builder.Property(row => row.Reason).HasMaxLength(Lengths.Reason);
    }
}
