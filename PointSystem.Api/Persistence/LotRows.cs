using Npgsql;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Persistence;

/// <summary>Reads lots from query results.</summary>
internal static class LotRows
{
    /// <summary>The columns that <see cref="Read"/> reads, in its order, from the table or subquery <c>a</c>.</summary>
    public const string Columns =
        """
        a.member_id, a.lot_id, a.point_key, a.amount, a.available_amount, a.used_amount, a.cancelled_amount, a.expired_amount,
        a.expiration_date, a.is_manual_grant, a.source_point_key, a.created_at, a.updated_at
        """;

    /// <summary>The number of <see cref="Columns"/>.</summary>
    public const int Count = 13;

    /// <summary>The sort order of lots, which is that of the draw order index.</summary>
    public const string DrawOrder = "a.is_manual_grant DESC, a.expiration_date, a.created_at, a.lot_id";

    /// <summary>Reads the lot whose columns start at <paramref name="at"/>.</summary>
    public static Lot Read(NpgsqlDataReader reader, int at = 0) => new()
    {
        MemberId = reader.GetInt64(at),
        Id = reader.GetInt64(at + 1),
        Key = Key(reader.GetString(at + 2)),
        Amount = reader.GetInt64(at + 3),
        Available = reader.GetInt64(at + 4),
        Used = reader.GetInt64(at + 5),
        Cancelled = reader.GetInt64(at + 6),
        Expired = reader.GetInt64(at + 7),
        ExpirationDate = reader.GetFieldValue<DateOnly>(at + 8),
        IsManualGrant = reader.GetBoolean(at + 9),
        SourceKey = reader.IsDBNull(at + 10) ? null : Key(reader.GetString(at + 10)),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(at + 11),
        UpdatedAt = reader.GetFieldValue<DateTimeOffset>(at + 12),
    };

    public static PointKey Key(string text) =>
        PointKey.TryParse(text, out var key) ? key : throw new InvalidOperationException($"The database holds '{text}', which is not a point key.");
}
