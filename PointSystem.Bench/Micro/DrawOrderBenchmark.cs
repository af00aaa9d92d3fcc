using BenchmarkDotNet.Attributes;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Bench.Micro;

/// <summary>Creates an account from loaded lots, and executes one use that draws from three of them.</summary>
public class DrawOrderBenchmark
{
    private const long Member = 7;
    private const long LotAmount = 100;
    private static readonly BusinessMoment At = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), TimeZoneInfo.Utc);
    private readonly CommandContext _context = new(PointPolicy.Default, At, "bench", NewKey);
    private Lot[] _lots = [];

    [Params(3, 100, 1_000)]
    public int Lots { get; set; }

    [GlobalSetup]
    public void Setup() => _lots = [.. Enumerable.Range(1, Lots).Select(Make)];

    [Benchmark]
    public long Use()
    {
        foreach (var lot in _lots.AsSpan(0, 3))
        {
            // Undoes the last use; the account itself is new each time.
            lot.Available = LotAmount;
            lot.Used = 0;
        }

        var account = new MemberAccount(new WalletState(Member, Lots * LotAmount, 0, Lots, At.Now), _lots, [], At);
        return account.Use("A1", (2 * LotAmount) + 1, _context).Value.TotalAmount;
    }

    private static Lot Make(int number) => new()
    {
        Id = number,
        MemberId = Member,
        Key = NewKey(PointKeyType.Accumulation, Member),
        Amount = LotAmount,
        Available = LotAmount,
        ExpirationDate = At.Today.AddDays(number),
        IsManualGrant = false,
        CreatedAt = At.Now,
        UpdatedAt = At.Now,
    };

    private static PointKey NewKey(PointKeyType type, long memberId) => PointKey.Create(type, memberId, new byte[PointKey.EntropyBytes]);
}
