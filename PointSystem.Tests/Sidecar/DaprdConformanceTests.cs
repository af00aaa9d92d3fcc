namespace PointSystem.Tests.Sidecar;

/// <summary>The same suite against daprd, if it is installed: the stand-in must behave like daprd.</summary>
public sealed class DaprdLockSemanticsTests(SidecarFixture<Daprd> fixture)
    : LockSemanticsSuite<Daprd>(fixture), IClassFixture<SidecarFixture<Daprd>>;

public sealed class DaprdLockErrorsTests(SidecarFixture<Daprd> fixture)
    : LockErrorsSuite<Daprd>(fixture), IClassFixture<SidecarFixture<Daprd>>;

public sealed class DaprdLockFaultsTests : LockFaultsSuite<Daprd>;
