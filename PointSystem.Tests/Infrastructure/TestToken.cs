namespace PointSystem.Tests.Infrastructure;

/// <summary>The token of the running test, which all test classes use as <c>Token</c>.</summary>
internal static class TestToken
{
    /// <summary>Cancelled when the test run is aborted.</summary>
    public static CancellationToken Token => TestContext.Current.CancellationToken;
}
