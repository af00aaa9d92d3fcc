namespace PointSystem.Tests.Sidecar;

/// <summary>One Redis and one sidecar with four lock stores, shared by the tests that do not break them.</summary>
public sealed class SidecarFixture<TProgram> : IAsyncLifetime
    where TProgram : SidecarProgram, new()
{
    private RedisServer? _redis;
    private SidecarUnderTest? _sidecar;

    internal static TProgram Program { get; } = new();

    internal RedisServer Redis => _redis ?? throw new InvalidOperationException("Not started.");

    internal SidecarUnderTest Sidecar => _sidecar ?? throw new InvalidOperationException("Not started.");

    public async ValueTask InitializeAsync()
    {
        // If the program is missing, each test is skipped with the reason and nothing has to be started.
        if (Program.Missing is not null)
        {
            return;
        }
        _redis = await RedisServer.StartAsync(CancellationToken.None);
        _sidecar = await SidecarUnderTest.StartAsync(
            Program,
            _redis,
            [
                Manifests.LockStore(),
                Manifests.LockStore("by-name", keyPrefix: "name"),
                Manifests.LockStore("bare", keyPrefix: "none"),
                Manifests.LockStore("literal", keyPrefix: "Wallets"),
            ],
            CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_sidecar is { } sidecar)
        {
            await sidecar.DisposeAsync();
        }
        if (_redis is { } redis)
        {
            await redis.DisposeAsync();
        }
    }
}
