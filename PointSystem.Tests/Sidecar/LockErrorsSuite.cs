using System.Net;
using System.Text;
using Grpc.Core;

namespace PointSystem.Tests.Sidecar;

/// <summary>The errors of the lock API, and the order of its checks.</summary>
public abstract class LockErrorsSuite<TProgram>(SidecarFixture<TProgram> fixture) : SidecarSuite<TProgram>
    where TProgram : SidecarProgram, new()
{
    private SidecarUnderTest Sidecar => fixture.Sidecar;

    [Theory]
    [InlineData("lockstore", "r", "o", 0, "ERR_MALFORMED_REQUEST", "ExpiryInSeconds is not positive in lock store lockstore")]
    [InlineData("lockstore", "r", "o", -1, "ERR_MALFORMED_REQUEST", "ExpiryInSeconds is not positive in lock store lockstore")]
    [InlineData("lockstore", "", "o", 60, "ERR_MALFORMED_REQUEST", "ResourceId is empty in lock store lockstore")]
    [InlineData("lockstore", "r", "", 60, "ERR_MALFORMED_REQUEST", "LockOwner is empty in lock store lockstore")]
    [InlineData("nowhere", "r", "o", 60, "ERR_LOCK_STORE_NOT_FOUND", "lock store nowhere not found")]
    // All fields wrong at first, then one less each time: expiry, resource, owner, store.
    [InlineData("nowhere", "", "", 0, "ERR_MALFORMED_REQUEST", "ExpiryInSeconds is not positive in lock store nowhere")]
    [InlineData("nowhere", "", "", 60, "ERR_MALFORMED_REQUEST", "ResourceId is empty in lock store nowhere")]
    [InlineData("nowhere", "r", "", 60, "ERR_MALFORMED_REQUEST", "LockOwner is empty in lock store nowhere")]
    // The key is checked last, so it does not matter in an unknown store.
    [InlineData("nowhere", "a||b", "o", 60, "ERR_LOCK_STORE_NOT_FOUND", "lock store nowhere not found")]
    public async Task TryLock_BadRequest_IsInvalidArgument(string store, string resource, string owner, int expiry, string code, string message)
    {
        var grpc = await Sidecar.LockFailureAsync(resource, owner, expiry, store);
        var http = await Sidecar.HttpLockAsync(resource, owner, Token, expiry, store);

        Assert.Equal((StatusCode.InvalidArgument, message), (grpc.StatusCode, grpc.Detail));
        Assert.Equal((HttpStatusCode.BadRequest, code, message), (http.Status, http.ErrorCode, http.Message));
    }

    [Theory]
    [InlineData("lockstore", "", "o", "ERR_MALFORMED_REQUEST", "ResourceId is empty in lock store lockstore")]
    [InlineData("lockstore", "r", "", "ERR_MALFORMED_REQUEST", "LockOwner is empty in lock store lockstore")]
    [InlineData("nowhere", "r", "o", "ERR_LOCK_STORE_NOT_FOUND", "lock store nowhere not found")]
    [InlineData("nowhere", "", "", "ERR_MALFORMED_REQUEST", "ResourceId is empty in lock store nowhere")]
    [InlineData("nowhere", "r", "", "ERR_MALFORMED_REQUEST", "LockOwner is empty in lock store nowhere")]
    public async Task Unlock_BadRequest_IsInvalidArgument(string store, string resource, string owner, string code, string message)
    {
        var grpc = await Sidecar.UnlockFailureAsync(resource, owner, store);
        var http = await Sidecar.HttpUnlockAsync(resource, owner, Token, store);

        Assert.Equal((StatusCode.InvalidArgument, message), (grpc.StatusCode, grpc.Detail));
        Assert.Equal((HttpStatusCode.BadRequest, code, message), (http.Status, http.ErrorCode, http.Message));
    }

    [Fact]
    public async Task TryLockAndUnlock_SeparatorInTheResource_IsAnInternalError()
    {
        const string Problem = "input key/keyPrefix 'a||b' can't contain '||'";

        var (grpcLock, grpcUnlock) = (await Sidecar.LockFailureAsync("a||b", "o"), await Sidecar.UnlockFailureAsync("a||b", "o"));
        var (httpLock, httpUnlock) = (await Sidecar.HttpLockAsync("a||b", "o", Token), await Sidecar.HttpUnlockAsync("a||b", "o", Token));

        Assert.Equal((StatusCode.Internal, $"failed to try acquiring lock: {Problem}"), (grpcLock.StatusCode, grpcLock.Detail));
        Assert.Equal((StatusCode.Internal, $"failed to release lock: {Problem}"), (grpcUnlock.StatusCode, grpcUnlock.Detail));
        Assert.Equal((HttpStatusCode.InternalServerError, "ERR_TRY_LOCK"), (httpLock.Status, httpLock.ErrorCode));
        Assert.Equal((HttpStatusCode.InternalServerError, "ERR_UNLOCK"), (httpUnlock.Status, httpUnlock.ErrorCode));
    }

    [Theory]
    [InlineData("{\"resourceId\":\"r\"")]
    [InlineData("{\"resourceId\":1,\"lockOwner\":\"o\",\"expiryInSeconds\":60}")]
    [InlineData("{\"resourceId\":\"r\",\"lockOwner\":\"o\",\"expiryInSeconds\":1.5}")]
    [InlineData("{\"resourceId\":\"r\",\"lockOwner\":\"o\",\"expiryInSeconds\":2147483648}")]
    [InlineData("[]")]
    public async Task HttpBody_Unreadable_IsMalformed(string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await Sidecar.Http.PostAsync("/v1.0-alpha1/lock/lockstore", content, Token);

        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("\"ERR_MALFORMED_REQUEST\"", text, StringComparison.Ordinal);
        Assert.Contains("failed deserializing HTTP body: ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HttpBody_UnknownFieldsSnakeCaseAndTextNumbers_AreRead()
    {
        using var content = new StringContent($"{{\"resource_id\":\"{Fresh("r")}\",\"lockOwner\":\"o\",\"expiryInSeconds\":\"60\",\"more\":[1]}}");
        using var answer = await Sidecar.Http.PostAsync("/v1.0-alpha1/lock/lockstore", content, Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task TryLock_NoLockStore_IsFailedPreconditionAfterTheExpiryCheck()
    {
        await using var empty = await StartAsync(redis: null);

        var (grpc, http) = (await empty.LockFailureAsync("", ""), await empty.HttpLockAsync("", "", Token));
        var unlock = await empty.HttpUnlockAsync("r", "o", Token);
        var expiry = await empty.LockFailureAsync("r", "o", expiry: 0);

        Assert.Equal((StatusCode.FailedPrecondition, "lock store is not configured"), (grpc.StatusCode, grpc.Detail));
        Assert.Equal((HttpStatusCode.InternalServerError, "ERR_LOCK_STORE_NOT_CONFIGURED"), (http.Status, http.ErrorCode));
        Assert.Equal((HttpStatusCode.InternalServerError, "ERR_LOCK_STORE_NOT_CONFIGURED"), (unlock.Status, unlock.ErrorCode));
        Assert.Equal(StatusCode.InvalidArgument, expiry.StatusCode);
    }

    [Fact]
    public async Task TryLock_StoreScopedToAnotherApp_IsFailedPrecondition()
    {
        await using var sidecar = await StartAsync(fixture.Redis, Manifests.LockStore(scope: "another"));

        Assert.Equal(StatusCode.FailedPrecondition, (await sidecar.LockFailureAsync("r", "o")).StatusCode);
    }

    [Fact]
    public async Task ApiToken_MissingInACall_IsRefusedExceptForHealth()
    {
        await using var sidecar = await SidecarUnderTest.StartAsync(Program, fixture.Redis, [Manifests.LockStore()], Token, apiToken: "secret");

        using var http = await sidecar.Http.GetAsync("/v1.0/metadata", Token);
        Assert.Equal(HttpStatusCode.Unauthorized, http.StatusCode);
        Assert.Equal(StatusCode.Unauthenticated, (await sidecar.LockFailureAsync("r", "o")).StatusCode);

        sidecar.Http.DefaultRequestHeaders.Add("dapr-api-token", "secret");
        Assert.Equal(HttpStatusCode.OK, (await sidecar.HttpLockAsync(Fresh("r"), "o", Token)).Status);
    }
}
