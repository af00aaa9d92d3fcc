namespace PointSystem.Local.Sidecar;

/// <summary>The Redis key of a lock: <c>lock||{prefix}||{resource}</c>.</summary>
internal sealed class LockKey
{
    private const string Separator = "||";

    private readonly string _start;

    private LockKey(string start) => _start = start;

    /// <summary>
    /// Applies <c>keyPrefix</c>: <c>appid</c> (the default), <c>name</c>, <c>none</c>, or any other word, which daprd converts to lower case.
    /// </summary>
    /// <exception cref="ComponentInitException">The prefix contains the separator.</exception>
    public static LockKey For(string? keyPrefix, string appId, string storeName)
    {
        // CA1308 prefers upper case for comparisons, but this text becomes part of a key that daprd writes in lower case.
#pragma warning disable CA1308
        var strategy = keyPrefix?.ToLowerInvariant() ?? "appid";
#pragma warning restore CA1308
        if (Illegal(strategy) is { } problem)
        {
            throw new ComponentInitException($"failed to save lock keyprefix: {problem}");
        }
        return new LockKey("lock" + Separator + strategy switch
        {
            "none" => "",
            "name" => storeName + Separator,
            "appid" => appId + Separator,
            _ => strategy + Separator,
        });
    }

    /// <summary>Describes what is wrong with a resource id; null if nothing is.</summary>
    public static string? Illegal(string text) =>
        text.Contains(Separator, StringComparison.Ordinal) ? $"input key/keyPrefix '{text}' can't contain '{Separator}'" : null;

    /// <summary>The key of a resource.</summary>
    public string Of(string resourceId) => _start + resourceId;
}
