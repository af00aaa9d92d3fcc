using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;

namespace PointSystem.Tests.Sidecar;

/// <summary>The result of a call over HTTP: the status, and the fields of the body.</summary>
internal sealed record HttpOutcome(HttpStatusCode Status, JsonElement Body)
{
    public string? ErrorCode => Body.GetProperty("errorCode").GetString();

    public string? Message => Body.GetProperty("message").GetString();
}

/// <summary>Calls of the lock API that return their outcome instead of throwing.</summary>
internal static class LockCalls
{
    // If the sidecar hangs, the test must fail with DEADLINE_EXCEEDED rather than hang.
    private static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(20);

    public static async Task<bool> LockAsync(this SidecarUnderTest sidecar, string resource, string owner, int expiry = 60, string store = "lockstore") =>
        (await sidecar.Grpc.TryLockAlpha1Async(Request(store, resource, owner, expiry), deadline: Deadline)).Success;

    public static async Task<UnlockResponse.Types.Status> UnlockAsync(
        this SidecarUnderTest sidecar, string resource, string owner, string store = "lockstore") =>
        (await sidecar.Grpc.UnlockAlpha1Async(new UnlockRequest { StoreName = store, ResourceId = resource, LockOwner = owner }, deadline: Deadline)).Status;

    public static async Task<Status> LockFailureAsync(
        this SidecarUnderTest sidecar, string resource, string owner, int expiry = 60, string store = "lockstore") =>
        (await Assert.ThrowsAsync<RpcException>(() => sidecar.LockAsync(resource, owner, expiry, store))).Status;

    public static async Task<Status> UnlockFailureAsync(this SidecarUnderTest sidecar, string resource, string owner, string store = "lockstore") =>
        (await Assert.ThrowsAsync<RpcException>(() => sidecar.UnlockAsync(resource, owner, store))).Status;

    /// <summary>Whether the lock was acquired; an error counts as no.</summary>
    public static async Task<bool> LockOrFailAsync(this SidecarUnderTest sidecar, string resource, string owner)
    {
        try
        {
            return await sidecar.LockAsync(resource, owner);
        }
        catch (RpcException)
        {
            return false;
        }
    }

    public static Task<HttpOutcome> HttpLockAsync(
        this SidecarUnderTest sidecar, string resource, string owner, CancellationToken cancellationToken, int expiry = 60, string store = "lockstore") =>
        sidecar.PostAsync($"/v1.0-alpha1/lock/{store}", new { resourceId = resource, lockOwner = owner, expiryInSeconds = expiry }, cancellationToken);

    public static Task<HttpOutcome> HttpUnlockAsync(
        this SidecarUnderTest sidecar, string resource, string owner, CancellationToken cancellationToken, string store = "lockstore") =>
        sidecar.PostAsync($"/v1.0-alpha1/unlock/{store}", new { resourceId = resource, lockOwner = owner }, cancellationToken);

    private static async Task<HttpOutcome> PostAsync(this SidecarUnderTest sidecar, string path, object body, CancellationToken cancellationToken)
    {
        using var answer = await sidecar.Http.PostAsJsonAsync(path, body, cancellationToken);
        return new HttpOutcome(answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken));
    }

    private static TryLockRequest Request(string store, string resource, string owner, int expiry) =>
        new() { StoreName = store, ResourceId = resource, LockOwner = owner, ExpiryInSeconds = expiry };
}
