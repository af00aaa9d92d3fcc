namespace PointSystem.Locking;

/// <summary>
/// Declares the lock a command runs under. A command may have several: they are acquired in one global order, all or nothing.
/// </summary>
/// <param name="keyTemplate">
/// <c>{service}:{operation}:{entity}:{Property}</c>, where a name in braces is a public property of the command
/// (a string, or a value type with an invariant text form). Checked once, at start.
/// </param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, AllowMultiple = true, Inherited = false)]
public sealed class DistributedLockAttribute(string keyTemplate) : Attribute
{
    /// <summary>The key with the command's property names in braces.</summary>
    public string KeyTemplate { get; } = keyTemplate;

    /// <summary>Maximum wait of a caller in seconds, including its time in the queue. 0 means a single attempt. Default 5.</summary>
    public double WaitSeconds { get; set; } = 5;

    /// <summary>Whole seconds after which the lock ends by itself. At least 1. Default 10.</summary>
    public int LeaseSeconds { get; set; } = 10;
}
