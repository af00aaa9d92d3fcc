namespace PointSystem.Api.Persistence;

/// <summary>A server that the service can do without: one that did not answer is left alone for a second.</summary>
internal sealed class Absence(TimeProvider time)
{
    /// <summary>How long it is left alone.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private long _beganAt = long.MinValue;

    /// <summary>Whether it may be asked.</summary>
    public bool IsOver => Volatile.Read(ref _beganAt) is var began && (began == long.MinValue || time.GetElapsedTime(began) >= Pause);

    /// <summary>It did not answer.</summary>
    public void Begin() => Volatile.Write(ref _beganAt, time.GetTimestamp());

    /// <summary>It does answer.</summary>
    public void End() => Volatile.Write(ref _beganAt, long.MinValue);
}
