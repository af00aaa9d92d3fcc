namespace PointSystem.Api.Ledger;

/// <summary>How long a write's transaction waits for each wallet, and how long it may hold them without a word from us. Neither is zero: that means for ever.</summary>
internal readonly record struct RowTimes(TimeSpan LockWait, TimeSpan IdleMax);
