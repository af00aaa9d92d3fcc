namespace PointSystem.Tests.Locking.Jobs;

/// <summary>Every state the relay can get into, for a few clients, with every message late or lost, every lease ending and every client dying at any step.</summary>
public sealed class RelayModelTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Explore_TheRelay_NeverHasTwoHolders(int clients)
    {
        var (states, twoHolders, renewed, tookOver) = new RelayModel(clients, Flaw.None).Explore();
        Assert.True(twoHolders is null, $"Two holders in {Describe(twoHolders)}");
        // Not for want of life: it does renew, and another does take over from one whose leases have ended.
        Assert.True(renewed && tookOver, $"{states} states, renewed: {renewed}, took over: {tookOver}");
        Assert.InRange(states, 200, int.MaxValue);
    }

    [Theory]
    [InlineData(nameof(Flaw.OneKey))]
    [InlineData(nameof(Flaw.LateGrantCounts))]
    [InlineData(nameof(Flaw.SameOwner))]
    [InlineData(nameof(Flaw.RenewsBothAtOnce))]
    [InlineData(nameof(Flaw.StoreForgets))]
    public void Explore_AFlaw_IsFound(string flaw)
    {
        var (states, twoHolders, _, _) = new RelayModel(3, Enum.Parse<Flaw>(flaw)).Explore();
        Assert.True(twoHolders is not null, $"No two holders in {states} states.");
    }

    private static string Describe(RelayModel.State? state) =>
        state is null ? "" : $"keys {string.Join(',', state.Keys)}: {string.Join("; ", state.Clients)}";
}
