namespace PointSystem.Local;

/// <summary>The local cluster cannot start or continue. The message is one sentence for the user that says what to do.</summary>
public sealed class LocalException : Exception
{
    public LocalException(string message)
        : base(message)
    {
    }

    public LocalException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
