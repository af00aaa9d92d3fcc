namespace PointSystem.Notifications.Sending;

/// <summary>A message for a member.</summary>
/// <param name="Notification">What it is about.</param>
/// <param name="Address">Where it goes.</param>
/// <param name="Subject">The subject or title, one line.</param>
/// <param name="Text">The text.</param>
internal sealed record Message(Notification Notification, string Address, string Subject, string Text);

/// <summary>What came of one attempt.</summary>
/// <param name="Answer">What the receiver answered, if it accepted the message; otherwise null.</param>
/// <param name="Error">Why it was not accepted.</param>
/// <param name="IsFinal">Whether another attempt is useless.</param>
/// <param name="IsAway">Whether the receiver could not be reached at all, so that other messages would fail as well.</param>
/// <param name="RetryAfter">How long the receiver wants to be left alone.</param>
internal sealed record SendResult(string? Answer, string? Error = null, bool IsFinal = false, bool IsAway = false, TimeSpan RetryAfter = default)
{
    public static SendResult Sent(string answer) => new(answer);

    public static SendResult Failed(string error, TimeSpan retryAfter = default) => new(null, error, RetryAfter: retryAfter);

    public static SendResult Refused(string error) => new(null, error, IsFinal: true);

    public static SendResult Away(string error) => new(null, error, IsAway: true);
}

/// <summary>Sends over one channel, one message at a time. Failures are results; only a cancellation is an exception.</summary>
internal interface INotificationSender
{
    /// <summary>One of <see cref="Channels"/>.</summary>
    string Channel { get; }

    Task<SendResult> SendAsync(Message message, CancellationToken cancellationToken);

    /// <summary>There is nothing to send for now: connections can be closed.</summary>
    Task RestAsync(CancellationToken cancellationToken);
}
