using System.Diagnostics.Metrics;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>Which replica gets a request, by what is in flight where. A gateway of its own is not needed for that.</summary>
public sealed class LoadBalancerTests
{
    private const int Floor = 8;
    private const double Bound = 1.25;
    private static readonly GatewayOptions Options = new() { LoadFloor = Floor, LoadBound = Bound };

    [Fact]
    public async Task Set_Hanging_EndsEveryWaitAndThrowsNothingOfTheirs()
    {
        using var upstream = new Upstream("api-1", new Uri("http://127.0.0.1:40001"));
        var ended = new TaskCompletionSource();
        using var first = upstream.Usable.Register(ended.SetResult);
        using var second = upstream.Usable.Register(() => throw new InvalidOperationException("A request fails as it is given up."));

        upstream.Set(UpstreamState.Hanging);

        await ended.Task.WaitAsync(Token);
        upstream.Set(UpstreamState.Ready);
        Assert.Equal(UpstreamState.Ready, upstream.State);
    }

    [Fact]
    public void Next_MembersWithOneRequestEach_NoReplicaExceedsItsBound() => Gen.Select(Gen.Int[2, 16], Gen.Int[0, 400], Gen.Long[1, 1_000_000]).Sample(
        (replicas, requests, first) =>
        {
            using var arena = new Arena(replicas);
            var sent = 0;
            foreach (var member in MembersFrom(first, requests))
            {
                arena.Send(member);
                var limit = (long)Math.Max(Floor, Math.Ceiling(Bound * ++sent / replicas));
                Assert.All(arena.Upstreams, upstream => Assert.InRange(upstream.InFlight, 0, limit));
            }
            Assert.Equal(requests, arena.Upstreams.Sum(upstream => upstream.InFlight));
        },
        iter: 100);

    [Fact]
    public void Next_AnyComingAndGoing_IsTheFirstInTheOrderThatIsReadyAndHasRoom() => Steps.Sample(
        steps =>
        {
            using var arena = new Arena(5);
            var inFlight = new List<(long Member, Upstream At)>();
            foreach (var (number, what) in steps)
            {
                var member = FortyMembers[number];
                if (what < 3 && inFlight.Count > 0)
                {
                    var (gone, from) = inFlight[number % inFlight.Count];
                    inFlight.Remove((gone, from));
                    from.Leave(gone);
                    continue;
                }
                if (what == 3)
                {
                    var changed = arena.Upstreams[number % 5];
                    changed.Set(changed.State == UpstreamState.Ready ? UpstreamState.Down : UpstreamState.Ready);
                    continue;
                }
                var ready = arena.OrderOf(member).Where(upstream => upstream.State == UpstreamState.Ready).ToList();
                var counted = inFlight.Count(request => ready.Contains(request.At)) + 1;
                var limit = Math.Max(Floor, Math.Ceiling(Bound * counted / Math.Max(ready.Count, 1)));
                var expected = ready.Find(upstream => upstream.InFlight < limit || inFlight.Contains((member, upstream)));

                var chosen = arena.Balancer.Next(member, []);

                Assert.Same(expected, chosen);
                if (chosen is not null)
                {
                    inFlight.Add((member, chosen));
                }
            }
        },
        iter: 300);

    [Fact]
    public void Next_HotMember_KeepsItsCrowdTogetherAndItsNeighboursMakeWay()
    {
        using var arena = new Arena(3);
        const long Hot = 7;
        var home = arena.Send(Hot);
        for (var i = 1; i < 100; i++)
        {
            Assert.Same(home, arena.Send(Hot));
        }

        var neighbours = Enumerable.Range(1_000, 60).Where(member => arena.OrderOf(member)[0] == home).ToList();
        Assert.NotEmpty(neighbours);
        Assert.All(neighbours, neighbour =>
        {
            var chosen = arena.Send(neighbour);
            Assert.Same(arena.OrderOf(neighbour)[1], chosen);
            chosen.Leave(neighbour);
        });
        Assert.Equal(
            (100L, 0L, (long)neighbours.Count), (arena.Count(GatewayMetrics.Home), arena.Count(GatewayMetrics.Moved), arena.Count(GatewayMetrics.Spilled)));

        // The storm is over.
        for (var i = 0; i < 100; i++)
        {
            home.Leave(Hot);
        }
        Assert.All(neighbours, neighbour =>
        {
            Assert.Same(home, arena.Send(neighbour));
            home.Leave(neighbour);
        });
    }

    [Fact]
    public void Next_FewRequestsInFlight_NothingSpills()
    {
        using var arena = new Arena(3);
        var ofOne = Enumerable.Range(1, 1_000).Where(member => arena.OrderOf(member)[0] == arena.Upstreams[0]).Take(Floor).ToList();

        Assert.All(ofOne, member => Assert.Same(arena.Upstreams[0], arena.Send(member)));
        Assert.Equal(0, arena.Count(GatewayMetrics.Spilled));
    }

    [Fact]
    public void Next_TriedAndAgain_GoesDownTheOrderAndThenThroughThoseThatOnlyAnswer()
    {
        using var arena = new Arena(6);
        arena.Upstreams[1].Set(UpstreamState.Alive);
        arena.Upstreams[4].Set(UpstreamState.Alive);
        arena.Upstreams[5].Set(UpstreamState.Down);
        foreach (var member in Enumerable.Range(1, 100))
        {
            var tried = new List<Upstream>();
            while (arena.Balancer.Next(member, tried) is { } next)
            {
                next.Leave(member);
                tried.Add(next);
            }

            var order = arena.OrderOf(member);
            Assert.Equal(
                order.Where(upstream => upstream.State == UpstreamState.Ready).Concat(order.Where(upstream => upstream.State == UpstreamState.Alive)), tried);
        }
        Assert.All(arena.Upstreams, upstream => Assert.Equal(0, upstream.InFlight));
    }

    [Fact]
    public void Next_NoMember_TakesTurns()
    {
        using var arena = new Arena(4);

        var chosen = Enumerable.Range(0, 40).Select(_ => arena.Balancer.Next(null, [])!).ToList();

        Assert.All(arena.Upstreams, upstream => Assert.Equal((10, 10L), (chosen.Count(one => one == upstream), upstream.InFlight)));
        Assert.Equal(40, arena.Count(GatewayMetrics.Turn));
    }

    [Fact]
    public void Next_AnyMember_AllocatesNothing()
    {
        using var arena = new Arena(16, isCounted: false);
        arena.Upstreams[3].Set(UpstreamState.Down);
        Upstream[] tried = [];
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Round();

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            for (var member = 1; member <= 100; member++)
            {
                arena.Balancer.Next(member, tried)!.Leave(member);
            }
        }
    }

    private static readonly Gen<(int Number, int What)[]> Steps = Gen.Select(Gen.Int[0, 39], Gen.Int[0, 9]).Array[0, 200];

    private static readonly long[] FortyMembers = [.. MembersFrom(1, 40)];

    /// <summary>Members that share a slot of <see cref="Upstream"/> are taken for one; these do not.</summary>
    private static IEnumerable<long> MembersFrom(long first, int count) =>
        Enumerable.Range(0, int.MaxValue).Select(i => first + i).DistinctBy(Upstream.SlotOf).Take(count);

    private sealed class Arena : IDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        private readonly MeterSums? _sums;

        public Arena(int replicas, bool isCounted = true)
        {
            var meters = _services.GetRequiredService<IMeterFactory>();
            _sums = isCounted ? new MeterSums(meters, GatewayMetrics.MeterName) : null;
            Upstreams = [.. Enumerable.Range(1, replicas).Select(i => new Upstream($"api-{i}", new Uri($"http://127.0.0.1:{40_000 + i}")))];
            foreach (var upstream in Upstreams)
            {
                upstream.Set(UpstreamState.Ready);
            }
            Balancer = new LoadBalancer(new ReplicaSet(Upstreams), Options, new GatewayMetrics(meters));
        }

        public IReadOnlyList<Upstream> Upstreams { get; }

        public LoadBalancer Balancer { get; }

        public Upstream Send(long member) => Balancer.Next(member, [])!;

        public List<Upstream> OrderOf(long member) => [.. Upstreams.OrderByDescending(upstream => upstream.ScoreOf(member))];

        public long Count(string choice) => _sums![$"pointsystem.gateway.requests choice={choice}"];

        public void Dispose()
        {
            _sums?.Dispose();
            _services.Dispose();
            foreach (var upstream in Upstreams)
            {
                upstream.Dispose();
            }
        }
    }
}
