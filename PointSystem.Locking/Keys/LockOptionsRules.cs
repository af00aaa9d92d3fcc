namespace PointSystem.Locking.Keys;

/// <summary>The rules for an operation's wait and lease, relative to the general options.</summary>
internal static class LockOptionsRules
{
    public static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan LeaseMax = TimeSpan.FromHours(1);

    /// <exception cref="InvalidOperationException">A rule is broken; the message says which.</exception>
    public static LockOptions Check(TimeSpan wait, TimeSpan lease, string operation, LockingOptions general) =>
        FindProblem(wait, lease, general) is { } problem
            ? throw new InvalidOperationException($"The lock of '{operation}' is not usable: {problem}.")
            : new LockOptions { Wait = wait, Lease = lease, Operation = operation };

    public static string? FindProblem(TimeSpan wait, TimeSpan lease, LockingOptions general)
    {
        if (wait < TimeSpan.Zero || wait > WaitMax)
        {
            return $"its wait must be between 0 and {WaitMax.TotalSeconds} s";
        }
        if (wait > TimeSpan.Zero && wait <= general.AttemptTimeout)
        {
            return $"its wait of {wait.TotalSeconds} s must be 0 or longer than AttemptTimeout ({general.AttemptTimeout.TotalSeconds} s)";
        }
        if (lease < TimeSpan.FromSeconds(1) || lease > LeaseMax || lease.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            return $"its lease must be a whole number of seconds between 1 and {LeaseMax.TotalSeconds}";
        }
        if (lease <= general.LeaseMargin + general.AttemptTimeout)
        {
            return $"its lease of {lease.TotalSeconds} s leaves no time for work after LeaseMargin ({general.LeaseMargin.TotalSeconds} s) and AttemptTimeout";
        }
        return null;
    }
}
