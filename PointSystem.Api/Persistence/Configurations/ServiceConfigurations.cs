using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using PointSystem.Api.Persistence.Rows;

namespace PointSystem.Api.Persistence.Configurations;

internal sealed class IdempotencyKeyConfiguration : IEntityTypeConfiguration<IdempotencyKeyRow>
{
    public void Configure(EntityTypeBuilder<IdempotencyKeyRow> builder)
    {
        builder.ToTable("idempotency_keys");

        // The key leads, so that its reuse for another member is found; the member makes the row belong to a shard. Two requests with one key and
        // one member cannot race: both need the member's row lock.
        builder.HasKey(row => new { row.Key, row.MemberId });
        builder.HasIndex(row => row.CreatedAt).HasDatabaseName("ix_idempotency_keys_created_at");
        builder.Property(row => row.Key).HasMaxLength(200);
    }
}

internal sealed class ConfigConfiguration : IEntityTypeConfiguration<ConfigRow>
{
    private static readonly DateTimeOffset Installed = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public void Configure(EntityTypeBuilder<ConfigRow> builder)
    {
        builder.ToTable("point_configs");
        builder.HasKey(row => row.ConfigKey);
        builder.Property(row => row.ConfigKey).HasMaxLength(100);
        builder.Property(row => row.ConfigValue).HasMaxLength(200);
        builder.Property(row => row.Description).HasMaxLength(500);
        builder.Property(row => row.UpdatedBy).HasMaxLength(200);
        builder.HasData(
            Row("MAX_ACCUMULATION_AMOUNT_PER_TIME", "100000", "Most points of one accumulation"),
            Row("MAX_BALANCE_PER_MEMBER", "10000000", "Most live points a member may reach by accumulating or receiving"),
            Row("DEFAULT_EXPIRATION_DAYS", "365", "Days until a lot expires when nothing is said"),
            Row("MIN_EXPIRATION_DAYS", "1", "Fewest days until expiry that may be asked for"),
            Row("MAX_EXPIRATION_DAYS", "1824", "Most days until expiry that may be asked for"));
    }

    private static ConfigRow Row(string key, string value, string description) =>
        new() { ConfigKey = key, ConfigValue = value, Description = description, UpdatedAt = Installed, UpdatedBy = "system" };
}

internal sealed class ConfigHistoryConfiguration : IEntityTypeConfiguration<ConfigHistoryRow>
{
    public void Configure(EntityTypeBuilder<ConfigHistoryRow> builder)
    {
        builder.ToTable("point_config_history");
        builder.HasKey(row => row.Id);
        builder.HasIndex(row => new { row.ConfigKey, row.Id }).HasDatabaseName("ix_point_config_history_key");
        builder.Property(row => row.ConfigKey).HasMaxLength(100);
        builder.Property(row => row.OldValue).HasMaxLength(200);
        builder.Property(row => row.NewValue).HasMaxLength(200);
        builder.Property(row => row.Description).HasMaxLength(500);
        builder.Property(row => row.UpdatedBy).HasMaxLength(200);
    }
}
