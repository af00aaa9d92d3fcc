using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PointSystem.Locking;
using PointSystem.Locking.Keys;

namespace PointSystem.Tests.Locking;

public sealed class LockStartTests
{
    [DistributedLock("point:use:member:{MemberNumber}")]
    public sealed record Misspelt(long MemberId);

    [DistributedLock("point:use:member:{MemberId}", WaitSeconds = 5, LeaseSeconds = 10)]
    public sealed record Use(long MemberId);

    public sealed record Undeclared(long MemberId);

    [Theory]
    [InlineData(typeof(Misspelt), "'MemberNumber' is not a readable public property of the command (it has: MemberId)")]
    [InlineData(typeof(Undeclared), "has no [DistributedLock]")]
    public async Task StartAsync_InvalidCommand_FailsWithTheReason(Type command, string message) =>
        Assert.Contains(message, await FailureAsync(command), StringComparison.Ordinal);

    [Theory]
    [InlineData("Locking:PollMin", "00:00:01", "PollMin (00:00:01) must not exceed Locking:PollMax")]
    [InlineData("Locking:AttemptTimeout", "00:00:05", "must be 0 or longer than AttemptTimeout")]
    [InlineData("Locking:LeaseMargin", "00:00:10", "leaves no time for work")]
    [InlineData("Locking:StoreName", "", "StoreName")]
    [InlineData("Locking:Breaker:FailureRatio", "2", "Locking:Breaker: The field FailureRatio")]
    [InlineData("Locking:Operations:point:use:member:LeaseSeconds", "1.5", "its lease must be a whole number of seconds")]
    [InlineData("Locking:Operations:point:use:member:WaitSeconds", "-1", "its wait must be between")]
    [InlineData("Locking:Operations:point:use:member:WaitSeconds", "soon", "must be a number of seconds")]
    [InlineData("Locking:Operations:point:use:member:Wait", "3", "is not a lock setting")]
    [InlineData("Locking:Operations:point:uze:member:WaitSeconds", "3", "is not a lock setting")]
    public async Task StartAsync_InvalidSetting_FailsWithTheReason(string key, string value, string message) =>
        Assert.Contains(message, await FailureAsync(typeof(Use), (key, value)), StringComparison.Ordinal);

    [Fact]
    public async Task StartAsync_OperationOverridden_UsesItsWaitAndLease()
    {
        using var host = LockReplica.Build(
            new MemoryLockStore(TimeProvider.System), [typeof(Use)],
            ("Locking:Operations:point:use:member:WaitSeconds", "0"), ("Locking:Operations:point:use:member:LeaseSeconds", "3"),
            ("Locking:Operations:point:use:member:OnLockTimeout", "refuse"), ("Locking:OnLockTimeout", "bypass"));
        await host.StartAsync(Token);

        var taken = Assert.Single(host.Services.GetRequiredService<CommandLockTable>().For<Use>().Resolve(new Use(7)));
        Assert.Equal(new LockOptions { Wait = TimeSpan.Zero, Lease = TimeSpan.FromSeconds(3), Operation = "point:use:member" }, taken.Options);
        await host.StopAsync(Token);
    }

    private static async Task<string> FailureAsync(Type command, params (string, string)[] settings)
    {
        using var host = LockReplica.Build(new MemoryLockStore(TimeProvider.System), [command], settings);
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        return failure.Message;
    }
}
