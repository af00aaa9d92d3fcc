namespace PointSystem.Notifications;

/// <summary>Waits after failures that follow each other.</summary>
internal static class Waits
{
    private const int DoublingsMax = 16;

    /// <summary>The first wait, doubled for each further failure, and at most <paramref name="longest"/>.</summary>
    /// <param name="failures">Failures so far, at least 1.</param>
    /// <param name="first">The wait after the first one.</param>
    /// <param name="longest">The longest wait.</param>
    public static TimeSpan After(int failures, TimeSpan first, TimeSpan longest)
    {
        var doubled = first * Math.Pow(2, Math.Min(failures - 1, DoublingsMax));
        return doubled < longest ? doubled : longest;
    }
}
