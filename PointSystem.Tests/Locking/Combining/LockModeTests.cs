using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points;
using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>Lock modes and the canary percentage.</summary>
public sealed class LockModeTests
{
    private readonly MemoryLockStore _store = new(TimeProvider.System);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, TimeProvider.System, settings);

    [Fact]
    public async Task ExecuteAsync_Row_NeitherLocksNorCombines()
    {
        await using var replica = await StartAsync();
        replica.Mode.Mode = LockMode.Row;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        replica.Handler.During = (_, _) => gate.Task;
        var calls = Enumerable.Range(0, 10).Select(i => replica.UseAsync(1, $"{i}")).ToList();
        Assert.Equal(10, replica.Handler.Running);
        gate.SetResult();
        await Task.WhenAll(calls);
        Assert.All(replica.Handler.Batches, batch => Assert.Single(batch));
        Assert.Empty(_store.Asked);
    }

    [Fact]
    public async Task ExecuteAsync_AdaptiveAndCold_SkipsTheLock()
    {
        await using var replica = await StartAsync();
        replica.Mode.Mode = LockMode.Adaptive;
        Assert.Equal("done a", await replica.UseAsync(1, "a"));
        Assert.Empty(_store.Asked);
        Assert.Equal(1, replica.Executor.Snapshot(1).LastMinute.Unlocked);
    }

    /// <summary>Callers of one process are no reason for the lock; a row that others keep is.</summary>
    [Fact]
    public async Task ExecuteAsync_AdaptiveAndALongWaitForTheRow_TakesTheLockUntilThatIsPast()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var replica = await CombiningReplica.StartAsync(_store, clock, ("Locking:Combining:Linger", "00:00:00"));
        replica.Mode.Mode = LockMode.Adaptive;
        var (gate, first) = await replica.BlockFirstAsync("a");
        var second = replica.UseAsync(1, "b");
        gate.SetResult();
        await Task.WhenAll(first, second);
        Assert.Empty(_store.Asked);

        // Not free within a queue lane's wait; the next attempt, beside it, gets it.
        var attempts = 0;
        replica.Handler.IsBusy = _ => ++attempts <= 2;
        await replica.UseAsync(1, "c");
        await replica.UseAsync(1, "d");
        Assert.Single(_store.Asked);
        await replica.IdleAsync();
        clock.Advance(TimeSpan.FromSeconds(6));
        await replica.UseAsync(1, "e");
        Assert.Single(_store.Asked);
    }

    [Fact]
    public async Task ExecuteAsync_ModeChangesWhileQueued_ExecutesEachCommandOnce()
    {
        await using var replica = await StartAsync();
        var texts = Enumerable.Range(0, 600).Select(i => $"{i}").ToList();
        LockMode[] modes = [LockMode.Distributed, LockMode.Adaptive, LockMode.Row];
        replica.Handler.During = async (_, _) => await Task.Yield();
        var calls = texts.Select((text, i) =>
        {
            replica.Mode.Mode = modes[i / 7 % 3];
            return replica.UseAsync(i % 3, text);
        }).ToList();
        Assert.Equal(texts.Select(text => $"done {text}"), await Task.WhenAll(calls));
        Assert.Equal(texts.Order(), replica.Handler.Batches.SelectMany(batch => batch).Select(command => command.Text).Order());
    }

    [Fact]
    public void Includes_RisingPercentage_OnlyAddsMembersAndIsEven()
    {
        var members = Enumerable.Range(1, 20_000).Select(id => (long)id).ToList();
        var before = new HashSet<long>();
        foreach (var percent in new[] { 0, 1, 10, 50, 99, 100 })
        {
            var now = members.Where(member => Canary.Includes(member, percent)).ToHashSet();
            Assert.Superset(before, now);
            Assert.InRange(now.Count, members.Count * Math.Max(percent - 1.5, 0) / 100, members.Count * Math.Min(percent + 1.5, 100) / 100);
            before = now;
        }
        Assert.Equal(members.Count, before.Count);
    }

    /// <summary>The choice must be the same in every version, otherwise members would change sides during a roll-out.</summary>
    [Fact]
    public void Includes_TheseMembers_AreTheFirstTenOfTenPercent() =>
        Assert.Equal(FirstOfTenPercent, Enumerable.Range(1, 1_000).Where(id => Canary.Includes(id, 10)).Take(10));

    private static readonly int[] FirstOfTenPercent = [24, 29, 32, 52, 54, 55, 56, 74, 75, 86];

    [Fact]
    public void Choose_Precedence_IsOperationThenGeneralThenOptionAndRowOutsideTheCanary()
    {
        var modes = new LockModes { Use = LockMode.Adaptive, General = LockMode.Row };
        Assert.Equal(LockMode.Adaptive, ConfiguredLockModes.Choose(modes, typeof(UsePoints.Command), 1, LockMode.Distributed));
        Assert.Equal(LockMode.Row, ConfiguredLockModes.Choose(modes, typeof(TransferPoints.Command), 1, LockMode.Distributed));
        Assert.Equal(LockMode.Distributed, ConfiguredLockModes.Choose(new LockModes(), typeof(CancelUsage.Command), 1, LockMode.Distributed));
        Assert.Equal(LockMode.Row, ConfiguredLockModes.Choose(modes with { CanaryPercent = 0 }, typeof(UsePoints.Command), 1, LockMode.Distributed));
    }

    [Theory]
    [InlineData("LOCKING_MODE", "adaptive", true)]
    [InlineData("LOCKING_MODE", "Row", false)]
    [InlineData("LOCKING_MODE_USE", "default", true)]
    [InlineData("LOCKING_MODE_TRANSFER", "2", false)]
    [InlineData("LOCKING_CANARY_PERCENT", "0", true)]
    [InlineData("LOCKING_CANARY_PERCENT", "101", false)]
    public void FindFault_InvalidValue_ReturnsAFault(string key, string value, bool isValid) =>
        Assert.Equal(isValid, ConfigKeys.All.Single(known => known.Name == key).FindFault(value) is null);
}
