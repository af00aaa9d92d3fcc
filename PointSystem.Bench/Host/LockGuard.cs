using System.Globalization;
using PointSystem.Api.Ledger;
using PointSystem.Locking;

namespace PointSystem.Bench.Host;

/// <summary>The usual way to use such a library: acquire the member's lock, run the transaction, release.</summary>
/// <param name="acquire">Acquires by key and wait; returns null when the wait ran out.</param>
internal sealed class LockGuard(Func<string, TimeSpan, CancellationToken, Task<IAsyncDisposable?>> acquire) : IGuard
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    public async Task<IReadOnlyList<CommandOutcome?>> ExecuteAsync(
        IReadOnlyList<IPointCommand> commands, TimeSpan rowLockWait, Func<Task<IReadOnlyList<CommandOutcome?>>> transaction, CancellationToken cancellationToken)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"point:use:member:{commands[0].MemberId}");
        await using var handle = await acquire(key, Wait, cancellationToken) ?? throw new LockNotAcquiredException(key, Wait);
        return await transaction();
    }
}
