using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Domain.Results;

/// <summary>A value, or the reason why there is none.</summary>
public readonly struct Result<T>
    where T : class
{
    private readonly T? _value;

    private Result(T? value, PointError? error)
    {
        _value = value;
        Error = error;
    }

    /// <summary>The refusal; null on success.</summary>
    public PointError? Error { get; }

    /// <summary>The value. Throws on a refusal: reading it then is a bug in the caller.</summary>
    public T Value => _value ?? throw new InvalidOperationException($"A refused result has no value ({Error?.Code}).");

    [SuppressMessage("Design", "CA1000", Justification = "Named alternates of the conversions below, which are normally used.")]
    public static Result<T> FromValue(T value) => new(value, null);

    [SuppressMessage("Design", "CA1000", Justification = "As above.")]
    public static Result<T> FromError(PointError error) => new(null, error);

    [SuppressMessage("Usage", "CA2225", Justification = "FromValue and FromError are the named alternates.")]
    public static implicit operator Result<T>(T value) => new(value, null);

    [SuppressMessage("Usage", "CA2225", Justification = "FromValue and FromError are the named alternates.")]
    public static implicit operator Result<T>(PointError error) => new(null, error);
}
