using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof;

/// <summary>However a lock store fails, the caller continues under the row lock, and locks are used again once the store works.</summary>
public sealed class StoreFailureTests
{
    private static readonly LockOptions Options = new() { Wait = TimeSpan.FromSeconds(5), Lease = TimeSpan.FromSeconds(10) };

    private static readonly Dictionary<string, Func<HttpContext, Task>> ProtocolFaults = new()
    {
        ["reset"] = context =>
        {
            context.Features.GetRequiredFeature<IHttpResetFeature>().Reset(errorCode: 8);
            return Task.CompletedTask;
        },
        ["abort"] = context =>
        {
            context.Abort();
            return Task.CompletedTask;
        },
        ["http 500"] = async context =>
        {
            context.Response.StatusCode = 500;
            await context.Response.CompleteAsync();
        },
        ["half an answer"] = async context =>
        {
            await context.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 200, 1 });
            await context.Response.CompleteAsync();
        },
    };

    public static TheoryData<StatusCode> Statuses => [.. Enum.GetValues<StatusCode>().Where(code => code != StatusCode.OK)];

    public static TheoryData<string> ProtocolFaultNames => [.. ProtocolFaults.Keys];

    [Theory]
    [MemberData(nameof(Statuses))]
    public Task AcquireAsync_SidecarAnswersWithAnError_FallsBackAndRecovers(StatusCode status) => FallsBackAndRecoversAsync(FaultySidecar.Status(status));

    [Theory]
    [MemberData(nameof(ProtocolFaultNames))]
    public Task AcquireAsync_SidecarBreaksTheProtocol_FallsBackAndRecovers(string fault) => FallsBackAndRecoversAsync(ProtocolFaults[fault]);

    [Fact]
    public async Task Store_ClientThrowsWhatIsNoAnswerOfTheSidecar_IsAFailureOfTheStore()
    {
        var client = DaprClientFactory.Create(new ConfigurationBuilder().Build());
        client.Dispose();
        var store = new DaprLockStore(client, Microsoft.Extensions.Options.Options.Create(new LockingOptions()));

        var taken = await Assert.ThrowsAsync<LockStoreException>(() => store.TryLockAsync("k:1", "owner", 1, Token));
        var released = await Assert.ThrowsAsync<LockStoreException>(() => store.UnlockAsync("k:1", "owner", Token));

        Assert.Equal(("unexpected", true), (taken.Reason, taken.IsAmbiguous));
        Assert.Equal(("unexpected", true), (released.Reason, released.IsAmbiguous));
    }

    private static async Task FallsBackAndRecoversAsync(Func<HttpContext, Task> fault)
    {
        await using var sidecar = await FaultySidecar.StartAsync(Token);
        await using var replica = await LockReplica.StartAsync(
            null, [],
            ("DAPR_GRPC_ENDPOINT", sidecar.Address.ToString()),
            ("Locking:AttemptTimeout", "00:00:01"),
            ("Locking:Breaker:ProbeInterval", "00:00:00.050"));
        Assert.False(replica.Monitor.IsFallback);
        sidecar.Fault = fault;
        await FallsBackAndRecoversAsync(replica, () => sidecar.Fault = null);
    }

    private static async Task FallsBackAndRecoversAsync(LockReplica replica, Action heal)
    {
        // Some run before the breaker opens and some after: each gets a handle without a lease, and no exception.
        var handles = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => replica.Locks.AcquireAsync($"k:{number}", Options, Token)));
        Assert.All(handles, handle => Assert.True(handle.IsFallback));
        foreach (var handle in handles)
        {
            await handle.DisposeAsync();
        }
        await Eventually.HoldsAsync(() => replica.Monitor.IsFallback, "the breaker is open");
        Assert.Equal(0, replica.Count("pointsystem.lock.acquire outcome=error"));

        heal();
        await Eventually.HoldsAsync(() => !replica.Monitor.IsFallback, "the breaker has closed");
        await using var last = await replica.Locks.AcquireAsync("k:last", Options, Token);
        Assert.False(last.IsFallback);
    }
}
