using System.Globalization;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>Each member's order of the replicas.</summary>
public sealed class RendezvousTests
{
    private const int Members = 100_000;

    public static TheoryData<int> Counts => [.. Enumerable.Range(3, 14)];

    [Theory]
    [MemberData(nameof(Counts))]
    public void First_ManyMembers_AreSpreadWithinATenth(int replicas)
    {
        var mean = Members / (double)replicas;
        foreach (var members in new[] { Consecutive(), Scattered() })
        {
            // Ports one after the other and addresses of one network: what replicas have.
            foreach (var seeds in new[] { OnPorts(replicas), OnAddresses(replicas) })
            {
                var shares = new int[replicas];
                Array.ForEach(members, member => shares[FirstOf(seeds, member)]++);

                Assert.All(shares, share => Assert.InRange(share, 0.9 * mean, 1.1 * mean));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void First_ReplicaIsLost_ItsMembersMoveEvenlyAndNoOthers(int replicas)
    {
        var seeds = OnPorts(replicas);
        var lost = replicas / 2;
        var left = seeds.Where((_, i) => i != lost).ToArray();
        var moved = new Dictionary<ulong, int>();
        foreach (var member in Consecutive())
        {
            var before = seeds[FirstOf(seeds, member)];
            var after = left[FirstOf(left, member)];
            if (before == seeds[lost])
            {
                moved[after] = moved.GetValueOrDefault(after) + 1;
            }
            else
            {
                Assert.Equal(before, after);
            }
        }

        var mean = Members / (double)replicas / left.Length;
        Assert.Equal(left.Length, moved.Count);
        // A share of 400 varies by a twentieth by itself; five times that is chance once in a million.
        Assert.All(moved.Values, share => Assert.InRange(share, mean - (5 * Math.Sqrt(mean)), mean + (5 * Math.Sqrt(mean))));
    }

    [Fact]
    public void Score_SameAddress_IsTheSameEverywhereAndAlways()
    {
        // Other figures would send every member elsewhere while two versions of the gateway run side by side.
        var seed = Rendezvous.Seed(new Uri("http://10.0.0.1:8080/"));
        Assert.Equal(seed, Rendezvous.Seed(new Uri("http://10.0.0.1:8080")));
        Assert.NotEqual(seed, Rendezvous.Seed(new Uri("http://10.0.0.1:8081")));
        Assert.Equal((2511267146433337336UL, 6568434071376729434UL), (Rendezvous.Score(seed, 1), Rendezvous.Score(seed, long.MaxValue)));
    }

    private static long[] Consecutive() => [.. Enumerable.Range(1, Members).Select(i => (long)i)];

    private static long[] Scattered()
    {
        var random = new Random(20_261_126);
        return [.. Enumerable.Range(0, Members).Select(_ => random.NextInt64(1, long.MaxValue))];
    }

    private static ulong[] OnPorts(int replicas) => Seeds(replicas, i => $"http://127.0.0.1:{40_000 + i}");

    private static ulong[] OnAddresses(int replicas) => Seeds(replicas, i => $"http://10.0.0.{i + 1}:8080");

    private static ulong[] Seeds(int replicas, Func<int, FormattableString> url) =>
        [.. Enumerable.Range(0, replicas).Select(i => Rendezvous.Seed(new Uri(url(i).ToString(CultureInfo.InvariantCulture))))];

    private static int FirstOf(ulong[] seeds, long member)
    {
        var first = 0;
        for (var i = 1; i < seeds.Length; i++)
        {
            if (Rendezvous.Score(seeds[i], member) > Rendezvous.Score(seeds[first], member))
            {
                first = i;
            }
        }
        return first;
    }
}
