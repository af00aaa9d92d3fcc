using System.Net;
using Dapr.Client;
using StackExchange.Redis;
using UnlockResponse = Dapr.Client.Autogen.Grpc.v1.UnlockResponse;

// Dapr marks its lock API as experimental; this suite tests that API.
#pragma warning disable DAPR_DISTRIBUTEDLOCK

namespace PointSystem.Tests.Sidecar;

/// <summary>Which owner gets a lock, which may release it, and what Redis stores meanwhile.</summary>
public abstract class LockSemanticsSuite<TProgram>(SidecarFixture<TProgram> fixture) : SidecarSuite<TProgram>
    where TProgram : SidecarProgram, new()
{
    private SidecarUnderTest Sidecar => fixture.Sidecar;

    [Fact]
    public async Task DaprClient_LockAndUnlock_HaveEveryOutcome()
    {
        var (resource, owner) = (Fresh("resource"), Fresh("owner"));

        Assert.True((await Sidecar.Client.Lock("lockstore", resource, owner, 60, Token)).Success);
        Assert.False((await Sidecar.Client.Lock("lockstore", resource, Fresh("other"), 60, Token)).Success);
        Assert.Equal(LockStatus.LockBelongsToOthers, (await Sidecar.Client.Unlock("lockstore", resource, Fresh("other"), Token)).status);
        Assert.Equal(LockStatus.Success, (await Sidecar.Client.Unlock("lockstore", resource, owner, Token)).status);
        Assert.Equal(LockStatus.LockDoesNotExist, (await Sidecar.Client.Unlock("lockstore", resource, owner, Token)).status);
        Assert.True((await Sidecar.Client.Lock("lockstore", resource, Fresh("other"), 60, Token)).Success);
    }

    [Fact]
    public async Task Http_LockAndUnlock_HaveEveryOutcome()
    {
        var (resource, owner) = (Fresh("resource"), Fresh("owner"));

        await ExpectLockAsync(resource, owner, true);
        await ExpectLockAsync(resource, Fresh("other"), false);
        await ExpectUnlockAsync(resource, Fresh("other"), 2);
        await ExpectUnlockAsync(resource, owner, 0);
        await ExpectUnlockAsync(resource, owner, 1);
    }

    [Fact]
    public async Task TryLock_SameOwnerAgain_IsRefusedAndExtendsNothing()
    {
        var (resource, owner) = (Fresh("resource"), Fresh("owner"));
        Assert.True(await Sidecar.LockAsync(resource, owner, expiry: 60));

        Assert.False(await Sidecar.LockAsync(resource, owner, expiry: 600));

        var left = await Db(await fixture.Redis.ConnectAsync()).KeyTimeToLiveAsync($"lock||points||{resource}");
        Assert.InRange(left!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task TryLock_ManyAtOnce_ExactlyOneSucceeds()
    {
        var resource = Fresh("resource");

        var got = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Sidecar.LockAsync(resource, $"owner-{i}")));

        Assert.Equal(1, got.Count(success => success));
    }

    [Fact]
    public async Task TryLock_LeaseExpired_SucceedsForTheNextAndUnlockTellsTheFirst()
    {
        var (resource, first, second) = (Fresh("resource"), Fresh("first"), Fresh("second"));
        Assert.True(await Sidecar.LockAsync(resource, first, expiry: 1));

        await Eventually.HoldsAsync(() => Sidecar.LockAsync(resource, second), "the lease has expired");

        Assert.Equal(UnlockResponse.Types.Status.LockBelongsToOthers, await Sidecar.UnlockAsync(resource, first));
        Assert.False(await Sidecar.LockAsync(resource, first));
        Assert.Equal(UnlockResponse.Types.Status.Success, await Sidecar.UnlockAsync(resource, second));
    }

    [Theory]
    [InlineData("lockstore", "lock||points||")]
    [InlineData("by-name", "lock||by-name||")]
    [InlineData("bare", "lock||")]
    [InlineData("literal", "lock||wallets||")]
    public async Task TryLock_KeyPrefix_DeterminesTheKey(string store, string prefix)
    {
        var (resource, owner) = ($"point:use:member:{Guid.NewGuid():N}", Fresh("owner"));

        Assert.True(await Sidecar.LockAsync(resource, owner, expiry: 60, store));

        var redis = Db(await fixture.Redis.ConnectAsync());
        Assert.Equal(owner, await redis.StringGetAsync(prefix + resource));
        Assert.InRange((await redis.KeyTimeToLiveAsync(prefix + resource))!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        Assert.Equal(UnlockResponse.Types.Status.Success, await Sidecar.UnlockAsync(resource, owner, store));
        Assert.False(await redis.KeyExistsAsync(prefix + resource));
    }

    [Fact]
    public async Task TryLock_TwoSidecars_ExcludeEachOtherOnlyWithTheSameAppId()
    {
        await using var same = await SidecarUnderTest.StartAsync(Program, fixture.Redis, [Manifests.LockStore()], Token);
        await using var other = await SidecarUnderTest.StartAsync(Program, fixture.Redis, [Manifests.LockStore()], Token, appId: "other");
        var resource = Fresh("resource");
        Assert.True(await Sidecar.LockAsync(resource, "owner"));

        Assert.False(await same.LockAsync(resource, "another"));
        Assert.True(await other.LockAsync(resource, "another"));
    }

    [Fact]
    public async Task Health_Always_IsNoContent()
    {
        Assert.True(await Sidecar.Client.CheckHealthAsync(Token));
        Assert.True(await Sidecar.Client.CheckOutboundHealthAsync(Token));
        using var ours = await Sidecar.Http.GetAsync("/v1.0/healthz?appid=points", Token);
        using var wrong = await Sidecar.Http.GetAsync("/v1.0/healthz?appid=other", Token);

        Assert.Equal(HttpStatusCode.NoContent, ours.StatusCode);
        Assert.Equal(HttpStatusCode.InternalServerError, wrong.StatusCode);
        Assert.Contains("ERR_HEALTH_APPID_NOT_MATCH", await wrong.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metadata_Always_NamesTheAppAndItsComponents()
    {
        var body = await Sidecar.Http.GetStringAsync("/v1.0/metadata", Token);

        using var json = System.Text.Json.JsonDocument.Parse(body);
        Assert.Equal("points", json.RootElement.GetProperty("id").GetString());
        Assert.Equal(
            ["bare", "by-name", "literal", "lockstore"],
            json.RootElement.GetProperty("components").EnumerateArray().Select(c => c.GetProperty("name").GetString()).Order(StringComparer.Ordinal));
    }

    private static IDatabase Db(ConnectionMultiplexer connection) => connection.GetDatabase();

    private async Task ExpectLockAsync(string resource, string owner, bool success)
    {
        var outcome = await Sidecar.HttpLockAsync(resource, owner, Token);
        Assert.Equal(HttpStatusCode.OK, outcome.Status);
        Assert.Equal(success, outcome.Body.GetProperty("success").GetBoolean());
    }

    private async Task ExpectUnlockAsync(string resource, string owner, int status)
    {
        var outcome = await Sidecar.HttpUnlockAsync(resource, owner, Token);
        Assert.Equal(HttpStatusCode.OK, outcome.Status);
        Assert.Equal(status, outcome.Body.GetProperty("status").GetInt32());
    }
}
