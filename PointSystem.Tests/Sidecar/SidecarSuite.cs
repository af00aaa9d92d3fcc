namespace PointSystem.Tests.Sidecar;

/// <summary>What the parts of the conformance suite share. Each part runs against the stand-in and against daprd.</summary>
public abstract class SidecarSuite<TProgram>
    where TProgram : SidecarProgram, new()
{
    protected SidecarSuite() => Assert.SkipUnless(Program.Missing is null, Program.Missing ?? "");

    protected static TProgram Program { get; } = new();

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A resource or an owner that no other test has.</summary>
    protected static string Fresh(string what) => $"{what}-{Guid.NewGuid():N}";

    private protected static Task<SidecarUnderTest> StartAsync(RedisServer? redis, params string[] manifests) =>
        SidecarUnderTest.StartAsync(Program, redis, manifests, Ct);
}
