using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using PointSystem.Api.Persistence.Rows;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Persistence.Configurations;

internal sealed class IdempotencyAnswerConfiguration : IEntityTypeConfiguration<IdempotencyAnswerRow>
{
    public void Configure(EntityTypeBuilder<IdempotencyAnswerRow> builder)
    {
        builder.ToTable("idempotency_answers");

        // Key and caller come first, so that the key's reuse for another member is found; the member assigns the row to a shard. Two requests
        // with the same key and member do not race: both need the member's row lock.
        builder.HasKey(row => new { row.Key, row.Caller, row.MemberId });
        builder.HasIndex(row => row.CreatedAt).HasDatabaseName("ix_idempotency_answers_created_at");
        builder.Property(row => row.Key).HasMaxLength(Lengths.IdempotencyKey);
        builder.Property(row => row.Caller).HasMaxLength(Lengths.Caller);
    }
}

internal sealed class IdempotencyKeyConfiguration : IEntityTypeConfiguration<IdempotencyKeyRow>
{
    public void Configure(EntityTypeBuilder<IdempotencyKeyRow> builder)
    {
        builder.ToTable("idempotency_keys");
        builder.HasKey(row => new { row.Key, row.MemberId });
        builder.HasIndex(row => row.CreatedAt).HasDatabaseName("ix_idempotency_keys_created_at");
        builder.Property(row => row.Key).HasMaxLength(Lengths.IdempotencyKey);
    }
}

internal sealed class ConfigConfiguration : IEntityTypeConfiguration<ConfigRow>
{
    public void Configure(EntityTypeBuilder<ConfigRow> builder)
    {
        builder.ToTable("point_configs");
        builder.HasKey(row => row.ConfigKey);
        builder.Property(row => row.ConfigKey).HasMaxLength(Lengths.ConfigKey);
        builder.Property(row => row.ConfigValue).HasMaxLength(Lengths.ConfigValue);
        builder.Property(row => row.Description).HasMaxLength(Lengths.ConfigDescription);
        builder.Property(row => row.UpdatedBy).HasMaxLength(Lengths.Actor);
        builder.HasData(PolicyLimit.All.Select(limit => new ConfigRow
        {
            ConfigKey = limit.Key,
            ConfigValue = limit.DefaultText,
            Description = limit.Description,
            UpdatedAt = ConfigRow.InstalledAt,
            UpdatedBy = ConfigRow.InstalledBy,
        }));
    }
}

internal sealed class ConfigHistoryConfiguration : IEntityTypeConfiguration<ConfigHistoryRow>
{
    public void Configure(EntityTypeBuilder<ConfigHistoryRow> builder)
    {
        builder.ToTable("point_config_history");
        builder.HasKey(row => row.Id);
        builder.HasIndex(row => new { row.ConfigKey, row.Id }).HasDatabaseName("ix_point_config_history_key");
        builder.HasIndex(row => new { row.Position, row.Id }).HasDatabaseName("ix_point_config_history_position");
        builder.Property(row => row.Position).HasDefaultValueSql("event_position()");
        builder.Property(row => row.ConfigKey).HasMaxLength(Lengths.ConfigKey);
        builder.Property(row => row.OldValue).HasMaxLength(Lengths.ConfigValue);
        builder.Property(row => row.NewValue).HasMaxLength(Lengths.ConfigValue);
        builder.Property(row => row.Description).HasMaxLength(Lengths.ConfigDescription);
        builder.Property(row => row.UpdatedBy).HasMaxLength(Lengths.Actor);
    }
}
