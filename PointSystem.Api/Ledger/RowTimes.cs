namespace PointSystem.Api.Ledger;

/// <summary>
/// How long a write's transaction waits for each wallet, and how long it may hold them while idle. Never zero, which means without limit.
/// </summary>
internal readonly record struct RowTimes(TimeSpan LockWait, TimeSpan IdleMax);
