namespace PointSystem.Tests.Sidecar;

/// <summary>The same suite against Dapr's own sidecar, where one is found: what the stand-in imitates must be what daprd does.</summary>
public sealed class DaprdLockSemanticsTests(SidecarFixture<Daprd> fixture)
    : LockSemanticsSuite<Daprd>(fixture), IClassFixture<SidecarFixture<Daprd>>;

public sealed class DaprdLockErrorsTests(SidecarFixture<Daprd> fixture)
    : LockErrorsSuite<Daprd>(fixture), IClassFixture<SidecarFixture<Daprd>>;

public sealed class DaprdLockFaultsTests : LockFaultsSuite<Daprd>;
