namespace PointSystem.Tests.Sidecar;

/// <summary>The base of the conformance suite, each part of which runs against the stand-in and against daprd.</summary>
public abstract class SidecarSuite<TProgram>
    where TProgram : SidecarProgram, new()
{
    protected SidecarSuite() => Assert.SkipUnless(Program.Missing is null, Program.Missing ?? "");

    protected static TProgram Program { get; } = new();

    /// <summary>A resource or owner name that no other test uses.</summary>
    protected static string Fresh(string what) => $"{what}-{Guid.NewGuid():N}";

    private protected static Task<SidecarUnderTest> StartAsync(RedisServer? redis, params string[] manifests) =>
        SidecarUnderTest.StartAsync(Program, redis, manifests, Token);
}
