using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking.Queue;

namespace PointSystem.Tests.Locking;

public sealed class KeyedGateTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _clock = new();
    private readonly KeyedGate _gate;

    public KeyedGateTests() => _gate = new KeyedGate(_clock);

    [Fact]
    public async Task EnterAsync_ManyCallers_EnterInOrderOneAtATime()
    {
        var order = new List<int>();
        var inside = 0;
        var first = await _gate.EnterAsync("k", Wait, Token);
        var callers = Enumerable.Range(0, 100).Select(async number =>
        {
            var turn = await _gate.EnterAsync("k", Wait, Token);
            Assert.Equal(1, Interlocked.Increment(ref inside));
            await Task.Yield();
            order.Add(number);
            Interlocked.Decrement(ref inside);
            turn!.End();
        }).ToArray();
        Assert.Equal(100, _gate.Waiting);

        first!.End();
        await Task.WhenAll(callers);

        Assert.Equal(Enumerable.Range(0, 100), order);
        Assert.Equal((0, 0), (_gate.Waiting, _gate.ActiveKeys));
    }

    [Fact]
    public async Task EnterAsync_OtherKey_DoesNotWait()
    {
        var one = await _gate.EnterAsync("one", Wait, Token);
        var two = await _gate.EnterAsync("two", TimeSpan.Zero, Token);
        Assert.NotNull(two);
        Assert.Equal(2, _gate.ActiveKeys);
        one!.End();
        two.End();
        Assert.Equal(0, _gate.ActiveKeys);
    }

    [Fact]
    public async Task EnterAsync_WaiterCancels_LeavesTheQueueAndTheNextEnters()
    {
        var holder = await _gate.EnterAsync("k", Wait, Token);
        using var cancel = new CancellationTokenSource();
        var cancelled = _gate.EnterAsync("k", Wait, cancel.Token).AsTask();
        var next = _gate.EnterAsync("k", Wait, Token).AsTask();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(1, _gate.Waiting);
        holder!.End();
        (await next)!.End();
        Assert.Equal(0, _gate.ActiveKeys);
    }

    [Fact]
    public async Task EnterAsync_TimesOut_ReturnsNullAndLeavesNothingBehind()
    {
        var holder = await _gate.EnterAsync("k", Wait, Token);
        var waiter = _gate.EnterAsync("k", Wait, Token).AsTask();
        _clock.Advance(Wait - TimeSpan.FromMilliseconds(1));
        Assert.False(waiter.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Null(await waiter);
        Assert.Equal(0, _gate.Waiting);
        holder!.End();
        Assert.Equal(0, _gate.ActiveKeys);
    }

    [Fact]
    public async Task EnterAsync_NoWait_IsRefusedWhileHeldAndWaitsWhileItIsBeingReleased()
    {
        var holder = await _gate.EnterAsync("k", Wait, Token);
        Assert.Null(await _gate.EnterAsync("k", TimeSpan.Zero, Token));

        holder!.Ending();
        var waiter = _gate.EnterAsync("k", TimeSpan.Zero, Token).AsTask();
        Assert.False(waiter.IsCompleted);
        holder.End();
        (await waiter)!.End();
    }

    [Fact]
    public async Task End_Twice_DoesNotEndTheNextTurn()
    {
        var first = await _gate.EnterAsync("k", Wait, Token);
        var second = _gate.EnterAsync("k", Wait, Token).AsTask();
        first!.End();
        first.End();
        await second;
        Assert.Null(await _gate.EnterAsync("k", TimeSpan.Zero, Token));
    }

    [Theory]
    [InlineData(false, 500)]
    [InlineData(true, 50)]
    public async Task HasRunLongerThan_OtherReplicasSeenRecently_HasATenthOfTheLimit(bool metOthers, int limitMs)
    {
        var limit = TimeSpan.FromMilliseconds(50);
        var turn = await _gate.EnterAsync("k", Wait, Token);
        if (metOthers)
        {
            turn!.MetOthers();
        }
        _clock.Advance(TimeSpan.FromMilliseconds(limitMs));
        Assert.False(turn!.HasRunLongerThan(limit));
        _clock.Advance(TimeSpan.FromMilliseconds(1));

        Assert.True(turn.HasRunLongerThan(limit));
        Assert.False(turn.HasRunLongerThan(limit));
        turn.End();
    }

    [Fact]
    public async Task EnterAsync_RandomCancellationUnderLoad_LosesNoTurn()
    {
        var served = 0;
        var random = new Random(7);
        var delays = Enumerable.Range(0, 400).Select(_ => random.Next(0, 6)).ToArray();
        await Task.WhenAll(delays.Select(async (delay, index) =>
        {
            using var cancel = new CancellationTokenSource();
            if (delay < 3)
            {
                cancel.CancelAfter(delay);
            }
            try
            {
                var turn = await _gate.EnterAsync($"k{index % 3}", Wait, cancel.Token);
                await Task.Yield();
                Interlocked.Increment(ref served);
                turn!.End();
            }
            catch (OperationCanceledException)
            {
                // This caller has left the queue.
            }
        }));
        Assert.InRange(served, delays.Count(delay => delay >= 3), 400);
        Assert.Equal((0, 0), (_gate.Waiting, _gate.ActiveKeys));
    }
}
