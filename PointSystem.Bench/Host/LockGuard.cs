using System.Globalization;
using PointSystem.Api.Ledger;
using PointSystem.Locking;

namespace PointSystem.Bench.Host;

/// <summary>What one does with such a library: acquire the member's lock, run the transaction, release.</summary>
/// <param name="acquire">By key and wait; null when the wait ran out.</param>
internal sealed class LockGuard(Func<string, TimeSpan, CancellationToken, Task<IAsyncDisposable?>> acquire) : IGuard
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    public async Task<IReadOnlyList<CommandOutcome>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, Func<Task<IReadOnlyList<CommandOutcome>>> transaction, CancellationToken cancellationToken)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"point:use:member:{commands[0].MemberId}");
        await using var handle = await acquire(key, Wait, cancellationToken) ?? throw new LockNotAcquiredException(key, Wait);
        return await transaction();
    }
}
