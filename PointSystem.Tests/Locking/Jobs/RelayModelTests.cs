namespace PointSystem.Tests.Locking.Jobs;

/// <summary>
/// Every reachable state of the relay for a few clients. Any message may be late or lost, any lease may end and any client may crash, at any step.
/// </summary>
public sealed class RelayModelTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Explore_TheRelay_NeverHasTwoHolders(int clients)
    {
        var (states, twoHolders, renewed, tookOver) = new RelayModel(clients, Flaw.None).Explore();
        Assert.True(twoHolders is null, $"Two holders: {Describe(twoHolders)}");
        // The model is not trivially safe: clients do renew, and one does take over from another whose leases have ended.
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
