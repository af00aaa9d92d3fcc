using PointSystem.Api.Configuration;
using PointSystem.Locking;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>A roll-out in steps through the run-time configuration, under load.</summary>
[Collection(ProofServer.Name)]
public sealed class CanaryTests(ProofServer server)
{
    private const string RowOnly = "pointsystem.lock.acquire outcome=row_only";
    private const string Acquired = "pointsystem.lock.acquire outcome=acquired";

    [Fact]
    public async Task Percentage_RaisedUnderLoad_LosesNothingAndAppliesNothingTwice()
    {
        await using var database = await server.CreateAsync(Token);
        await database.SetAsync(ConfigKeys.LockCanaryPercent, "0");
        var store = new MemoryLockStore(TimeProvider.System);
        var replicas = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => PointReplica.StartAsync(database.ConnectionString, store)));
        long Sum(string counter) => replicas.Sum(replica => replica.Sums[counter]);

        // One member of the first ten percent, one of the first fifty, two of the rest.
        long[] members = [Member(0, 10), Member(10, 50), Member(50, 100), Member(50, 100)];
        var load = new Load(replicas, 301, members);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = RunAsync(load, stop.Token);
        await Eventually.HoldsAsync(() => Sum(RowOnly) > 50, "the load runs in mode row");
        Assert.Equal(0, Sum(Acquired));
        foreach (var percent in new[] { "10", "50", "100" })
        {
            var before = Sum(Acquired);
            await database.SetAsync(ConfigKeys.LockCanaryPercent, percent);
            await Eventually.HoldsAsync(() => Sum(Acquired) > before + 20, $"{percent} percent of the members use the lock");
        }

        // A second later the lock applies to all members. Then back again, by mode.
        await StopsGrowingAsync(() => Sum(RowOnly), "no request runs in mode row");
        await database.SetAsync(ConfigKeys.LockMode, "row");
        await StopsGrowingAsync(() => Sum(Acquired), "no request uses the lock");
        await stop.CancelAsync();
        await running;
        Assert.Equal(0, load.TimedOut);
        await database.AssertLinearizableAsync(load, members);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
    }

    private static async Task RunAsync(Load load, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await load.RunAsync(callers: 12, steps: 2, Token);

            // The histories are checked, so they should not be longer than necessary.
            await Task.Delay(20, Token);
        }
    }

    /// <summary>Waits until the counter has not changed for half a second under load.</summary>
    private static Task StopsGrowingAsync(Func<long> counter, string what)
    {
        var (last, since) = (-1L, TimeProvider.System.GetTimestamp());
        return Eventually.HoldsAsync(
            () =>
            {
                if (counter() != last)
                {
                    (last, since) = (counter(), TimeProvider.System.GetTimestamp());
                }
                return TimeProvider.System.GetElapsedTime(since) > TimeSpan.FromMilliseconds(500);
            },
            what);
    }

    private static long Member(int notBelow, int below)
    {
        var member = PointsClient.NewMember();
        while (Canary.Includes(member, notBelow) || !Canary.Includes(member, below))
        {
            member = PointsClient.NewMember();
        }
        return member;
    }
}
