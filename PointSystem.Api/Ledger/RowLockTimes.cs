namespace PointSystem.Api.Ledger;

/// <summary>
/// How long the transaction of a write waits for each wallet, and how long it may be idle while it holds them. Never zero, which means no
/// limit.
/// </summary>
internal readonly record struct RowLockTimes(TimeSpan LockWait, TimeSpan IdleMax);
