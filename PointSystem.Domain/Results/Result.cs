using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Domain.Results;

/// <summary>A value or the reason why there is none.</summary>
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

    /// <summary>The value. Reading it from a refusal is a bug of the caller and throws.</summary>
    public T Value => _value ?? throw new InvalidOperationException($"A refused result has no value ({Error?.Code}).");

    [SuppressMessage("Design", "CA1000", Justification = "The conversions below are the usual way; these name them.")]
    public static Result<T> FromValue(T value) => new(value, null);

    [SuppressMessage("Design", "CA1000", Justification = "As above.")]
    public static Result<T> FromError(PointError error) => new(null, error);

    [SuppressMessage("Usage", "CA2225", Justification = "FromValue and FromError are the named alternates.")]
    public static implicit operator Result<T>(T value) => new(value, null);

    [SuppressMessage("Usage", "CA2225", Justification = "FromValue and FromError are the named alternates.")]
    public static implicit operator Result<T>(PointError error) => new(null, error);
}
