using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using PointSystem.Api.Persistence.Rows;

namespace PointSystem.Api.Persistence.Configurations;

internal sealed class WalletConfiguration : IEntityTypeConfiguration<WalletRow>
{
    public void Configure(EntityTypeBuilder<WalletRow> builder)
    {
        builder.ToTable("member_wallets", table =>
        {
            table.HasCheckConstraint("ck_member_wallets_member_id", "member_id >= 1");
            table.HasCheckConstraint("ck_member_wallets_balance", "balance >= 0");
            table.HasCheckConstraint("ck_member_wallets_manual_balance", "manual_balance BETWEEN 0 AND balance");
            table.HasCheckConstraint("ck_member_wallets_version", "version >= 0");
        });
        builder.HasKey(row => row.MemberId);
        builder.Property(row => row.MemberId).ValueGeneratedNever();
        builder.Property(row => row.Balance).HasDefaultValue(0L);
        builder.Property(row => row.ManualBalance).HasDefaultValue(0L);
        builder.Property(row => row.Version).HasDefaultValue(0L);
    }
}

internal sealed class LedgerEntryConfiguration : IEntityTypeConfiguration<LedgerEntryRow>
{
    public void Configure(EntityTypeBuilder<LedgerEntryRow> builder)
    {
        builder.ToTable("point_ledger_entries", table =>
        {
            table.HasCheckConstraint("ck_point_ledger_entries_sequence", "sequence >= 1 AND group_sequence BETWEEN 1 AND sequence");
            table.HasCheckConstraint("ck_point_ledger_entries_delta", "delta <> 0");
            table.HasCheckConstraint("ck_point_ledger_entries_balance_after", "balance_after >= 0");
            table.HasCheckConstraint(
                "ck_point_ledger_entries_kind",
                "kind IN ('ACCUMULATE', 'ACCUMULATE_CANCEL', 'USE', 'USE_CANCEL', 'REGRANT', 'TRANSFER_OUT', 'TRANSFER_IN', 'EXPIRE')");
        });

        // The primary key guarantees that no sequence is written twice, whatever happens to a lock.
        builder.HasKey(row => new { row.MemberId, row.Sequence });
        builder.HasIndex(row => new { row.MemberId, row.Kind, row.Sequence })
            .HasFilter("sequence = group_sequence")
            .HasDatabaseName("ix_point_ledger_entries_kind");

        // The events in their order. An event is a group of entries, so only the first entry of each is in the index.
        builder.HasIndex(row => new { row.Position, row.MemberId, row.Sequence })
            .HasFilter("sequence = group_sequence")
            .HasDatabaseName("ix_point_ledger_entries_position");
        builder.Property(row => row.Position).HasDefaultValueSql("event_position()");
        builder.Property(row => row.Kind).HasMaxLength(Lengths.Kind);
        builder.Property(row => row.PointKey).HasMaxLength(Lengths.PointKey);
        builder.Property(row => row.Actor).HasMaxLength(Lengths.Actor);
        builder.Property(row => row.Reason).HasMaxLength(Lengths.Reason);
    }
}

internal sealed class AccumulationConfiguration : IEntityTypeConfiguration<AccumulationRow>
{
    public void Configure(EntityTypeBuilder<AccumulationRow> builder)
    {
        builder.ToTable("point_accumulations", table =>
        {
            table.HasCheckConstraint("ck_point_accumulations_amount", "amount >= 1");
            table.HasCheckConstraint("ck_point_accumulations_available", "available_amount BETWEEN 0 AND amount");
            table.HasCheckConstraint("ck_point_accumulations_used", "used_amount BETWEEN 0 AND amount");
            table.HasCheckConstraint("ck_point_accumulations_cancelled", "cancelled_amount IN (0, amount)");
            table.HasCheckConstraint("ck_point_accumulations_expired", "expired_amount BETWEEN 0 AND amount");
            table.HasCheckConstraint(
                "ck_point_accumulations_sum",
                "amount = available_amount + used_amount + cancelled_amount + expired_amount");
        });
        builder.HasKey(row => new { row.MemberId, row.LotId });

        // The member comes second: a plan made while the table is nearly empty could use an index starting with member_id instead of the
        // primary key to find lots of a member, and would then read all lots of the member for each of them. (Point keys start with the
        // member, so the lots of a member are still adjacent.)
        builder.HasIndex(row => new { row.PointKey, row.MemberId }).IsUnique().HasDatabaseName("ux_point_accumulations_point_key");
        builder.HasIndex(row => new { row.MemberId, row.IsManualGrant, row.ExpirationDate, row.CreatedAt, row.LotId })
            .IsDescending(false, true, false, false, false)
            .HasFilter("is_open")
            .HasDatabaseName("ix_point_accumulations_draw_order");

        // Only for the expiry job. "lot_id > 0" is true for every lot, but only a query with this condition can use the index: a look-up
        // of the expired lots of one member must never use it, because it would read the expired lots of all other members.
        builder.HasIndex(row => new { row.ExpirationDate, row.MemberId })
            .HasFilter("is_open AND lot_id > 0")
            .HasDatabaseName("ix_point_accumulations_expiry");
        builder.Property(row => row.IsOpen).HasComputedColumnSql("available_amount > 0", stored: true);
        builder.Property(row => row.PointKey).HasMaxLength(Lengths.PointKey);
        builder.Property(row => row.SourcePointKey).HasMaxLength(Lengths.PointKey);
    }
}
