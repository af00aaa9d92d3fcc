using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

/// <summary>Runs commands against a <see cref="MemoryTables"/>, one transaction each, and checks the invariants after every command.</summary>
internal sealed class PointsHarness(MemoryTables? tables = null)
{
    public const string Actor = "tester";

    public static readonly TimeZoneInfo Seoul = TimeZoneInfo.FindSystemTimeZoneById("Asia/Seoul");

    /// <summary>Whether the invariants are checked after every command. Off only while a test builds its initial state.</summary>
    public bool Checks { get; set; } = true;

    public MemoryTables Tables { get; } = tables ?? new MemoryTables();

    public PointPolicy Policy { get; set; } = PointPolicy.Default;

    /// <summary>The current time; initially noon of 1 March 2026 in Seoul.</summary>
    public DateTimeOffset Now { get; set; } = new(2026, 3, 1, 3, 0, 0, TimeSpan.Zero);

    public BusinessMoment At => new(Now, Seoul);

    public DateOnly Today => At.Today;

    public CommandContext Context => new(Policy, At, Actor, Tables.NewKey);

    public PointsHarness Wait(int days)
    {
        Now = Now.AddDays(days);
        return this;
    }

    public long Live(long member) => Tables.Load(member, At).Account.LiveBalance;

    /// <summary>Grants points; the grant must be accepted.</summary>
    public Lot Grant(long member, long amount, int? days = null, bool manual = false) => Accumulate(member, amount, days, manual).Value;

    public Result<Lot> Accumulate(long member, long amount, int? days = null, bool manual = false, string? reason = null) =>
        Run(member, account => account.Accumulate(amount, days, manual, reason, Context));

    public Result<Lot> CancelLot(long member, PointKey key, string? reason = null) =>
        Run(member, account => account.CancelAccumulation(key, reason, Context));

    public Result<Usage> Use(long member, long amount, string orderNumber = "A1234") =>
        Run(member, account => account.Use(orderNumber, amount, Context));

    public Result<Cancellation> CancelUsage(long member, PointKey key, long? amount = null, string? reason = null) =>
        Run(member, account => account.CancelUsage(key, amount, reason, Context));

    public Result<Transfer> Transfer(long from, long to, long amount, string? reason = null)
    {
        var sender = Tables.Load(from, At);
        var receiver = Tables.Load(to, At);
        var result = sender.Account.TransferTo(receiver.Account, amount, reason, Context);
        Finish(result.Error, sender, receiver);
        return result;
    }

    public bool PostLapses(long member)
    {
        var loaded = Tables.Load(member, At);
        var posted = loaded.Account.PostExpirations(Actor);
        Assert.Equal(posted, !loaded.Account.Changes.IsEmpty);
        Finish(error: null, loaded);
        return posted;
    }

    /// <summary>Saves the changes of an accepted command, and checks that a refused one has changed nothing.</summary>
    public void Finish(PointError? error, params LoadedAccount[] accounts)
    {
        if (error is null)
        {
            Tables.Save(accounts);
        }

        if (!Checks)
        {
            return;
        }

        foreach (var loaded in accounts)
        {
            if (error is not null)
            {
                loaded.AssertUntouched(Tables);
            }

            loaded.AssertSameAs(Tables);
            if (!loaded.Account.Changes.IsEmpty)
            {
                // Every write posts the expired lots first.
                Assert.Equal(loaded.Account.LiveBalance, loaded.Account.Balance);
            }

            Tables.AssertBalanced(loaded.Account.MemberId, At);
            Assert.Equal(Live(loaded.Account.MemberId), loaded.Account.LiveBalance);
        }
    }

    private Result<T> Run<T>(long member, Func<MemberAccount, Result<T>> command)
        where T : class
    {
        var loaded = Tables.Load(member, At);
        var result = command(loaded.Account);
        Finish(result.Error, loaded);
        return result;
    }
}
