namespace PointSystem.Bench.Load;

/// <summary>The bytes of one caller's requests, which differ in their members.</summary>
internal abstract class Request
{
    /// <summary>Returns the next request, valid until the next call.</summary>
    public abstract ReadOnlySpan<byte> Next(long memberId);
}
