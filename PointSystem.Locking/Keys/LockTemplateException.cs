namespace PointSystem.Locking.Keys;

/// <summary>An invalid lock declaration. Found at start, where it stops the process.</summary>
internal sealed class LockTemplateException(Type commandType, string? template, string problem)
    : Exception($"The lock template \"{template}\" on {commandType.FullName} is not usable: {problem}.");
