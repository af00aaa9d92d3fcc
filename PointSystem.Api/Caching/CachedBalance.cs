using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Caching;

/// <summary>The balance of a member at a version and a business date, with the first of its live lots.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Version">The sequence of the member's last ledger entry; 0 if there is none.</param>
/// <param name="Date">
/// The business date of the balance. It is served on this date only: at midnight points may expire. Points that become usable at a moment (pending
/// points) or that are set aside until one (holds) must be looked at here too, once they exist: then the value also ends at the next such moment.
/// </param>
/// <param name="HasUnpostedExpirations">Whether points have expired without being posted.</param>
/// <param name="Balance">Usable points.</param>
/// <param name="ManualBalance">The part of the balance in manual grants.</param>
/// <param name="AsOf">The moment at which this was known to be current, on the business clock.</param>
/// <param name="KnownAt">The same moment on the clock of this machine; the age counts from it.</param>
/// <param name="Lots">Live lots in draw order: none that stands before the last of them is missing. They must not be changed.</param>
/// <param name="IsComplete">Whether these are all live lots.</param>
internal sealed record CachedBalance(
    long MemberId,
    long Version,
    DateOnly Date,
    bool HasUnpostedExpirations,
    long Balance,
    long ManualBalance,
    DateTimeOffset AsOf,
    DateTimeOffset KnownAt,
    IReadOnlyList<Lot> Lots,
    bool IsComplete)
{
    /// <summary>Maximum number of lots: one more than the largest page that is served from a longer list.</summary>
    public const int LotsMax = 51;

    /// <summary>Length of <see cref="Rank"/>.</summary>
    public const int RankLength = 39;

    /// <summary>Whether it has a page of this size, and says whether more lots follow.</summary>
    public bool Covers(int size) => IsComplete || Lots.Count > size;

    /// <summary>Whether any page can be made of it. If not, it only keeps older values out.</summary>
    public bool HasLots => IsComplete || Lots.Count > 0;

    /// <summary>
    /// The order of the values of a member, as text of a fixed length: a script in Redis compares it, and its numbers are not exact beyond 2^53. Of
    /// two values of one version, the one with lots is better, and then the later one.
    /// </summary>
    public string Rank => string.Create(CultureInfo.InvariantCulture, $"{Version:D19}{(HasLots ? 1 : 0)}{KnownAt.UtcTicks:D19}");

    /// <summary>Whether the other value takes precedence.</summary>
    public bool IsBehind(CachedBalance other) => string.CompareOrdinal(Rank, other.Rank) < 0;

    /// <summary>The value as text, which starts with its <see cref="Rank"/>.</summary>
    public string Write() => Rank + JsonSerializer.Serialize(
        new Stored(
            Version, Date, HasUnpostedExpirations, Balance, ManualBalance, AsOf, KnownAt, IsComplete,
            [.. Lots.Select(lot => new StoredLot(
                lot.Id, lot.Key.Value, lot.Amount, lot.Available, lot.Used, lot.Expired, lot.ExpirationDate, lot.IsManualGrant, lot.CreatedAt, lot.UpdatedAt,
                lot.SourceKey?.Value))]),
        CacheJsonContext.Default.Stored);

    /// <summary>Reads what <see cref="Write"/> wrote; null if it is something else.</summary>
    public static CachedBalance? Read(long memberId, string? text)
    {
        try
        {
            return text is { Length: > RankLength } && JsonSerializer.Deserialize(text.AsSpan(RankLength), CacheJsonContext.Default.Stored) is { } stored
                && stored.Lots.All(lot => lot is not null)
                ? new CachedBalance(
                    memberId, stored.Version, stored.Date, stored.HasUnposted, stored.Balance, stored.Manual, stored.AsOf, stored.KnownAt,
                    [.. stored.Lots.Select(lot => lot.For(memberId))], stored.IsComplete)
                : null;
        }
        catch (Exception damage) when (damage is JsonException or FormatException)
        {
            return null;
        }
    }

    /// <summary>A value without its member, which is in the key.</summary>
    internal sealed record Stored(
        long Version, DateOnly Date, bool HasUnposted, long Balance, long Manual, DateTimeOffset AsOf, DateTimeOffset KnownAt, bool IsComplete,
        IReadOnlyList<StoredLot> Lots);

    /// <summary>A live lot; it is not cancelled.</summary>
    internal sealed record StoredLot(
        long Id, string Key, long Amount, long Available, long Used, long Expired, DateOnly Until, bool Manual, DateTimeOffset Created, DateTimeOffset Updated,
        string? Source = null)
    {
        public Lot For(long memberId) => new()
        {
            Id = Id,
            MemberId = memberId,
            Key = KeyOf(Key),
            Amount = Amount,
            Available = Available,
            Used = Used,
            Expired = Expired,
            ExpirationDate = Until,
            IsManualGrant = Manual,
            SourceKey = Source is null ? null : KeyOf(Source),
            CreatedAt = Created,
            UpdatedAt = Updated,
        };

        private static PointKey KeyOf(string text) => PointKey.TryParse(text, out var key) ? key : throw new FormatException("Not a point key.");
    }
}

// Required and not null: what another program, or another version of this one, has written must not pass as a balance of 0.
[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CachedBalance.Stored))]
internal sealed partial class CacheJsonContext : JsonSerializerContext;
