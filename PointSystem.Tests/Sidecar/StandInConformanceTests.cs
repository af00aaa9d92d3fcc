namespace PointSystem.Tests.Sidecar;

/// <summary>The conformance suite against PointSystem's stand-in.</summary>
public sealed class StandInLockSemanticsTests(SidecarFixture<StandIn> fixture)
    : LockSemanticsSuite<StandIn>(fixture), IClassFixture<SidecarFixture<StandIn>>;

public sealed class StandInLockErrorsTests(SidecarFixture<StandIn> fixture)
    : LockErrorsSuite<StandIn>(fixture), IClassFixture<SidecarFixture<StandIn>>;

public sealed class StandInLockFaultsTests : LockFaultsSuite<StandIn>;
