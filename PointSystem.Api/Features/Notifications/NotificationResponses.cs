namespace PointSystem.Api.Features.Notifications;

/// <summary>How a member is reached.</summary>
/// <param name="Email">The address for e-mail; omitted: none is sent.</param>
/// <param name="PushToken">What the push service calls the member's device, at most 500 characters; omitted: nothing is pushed.</param>
/// <param name="Language">ko (default) or en.</param>
/// <param name="OptOuts">What the member does not want: the channels EMAIL and PUSH, and the kinds ACTIVITY and EXPIRY.</param>
internal sealed record PutContactRequest(string? Email = null, string? PushToken = null, string? Language = null, IReadOnlyList<string>? OptOuts = null);

/// <summary>How a member is reached.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Email">The address for e-mail.</param>
/// <param name="PushToken">What the push service calls the member's device.</param>
/// <param name="Language">ko or en.</param>
/// <param name="OptOuts">What the member does not want.</param>
/// <param name="CreatedAt">When the contact was created.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal sealed record ContactResponse(
    long MemberId, string? Email, string? PushToken, string Language, IReadOnlyList<string> OptOuts, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A notification that was sent; it stays.</summary>
/// <param name="Id">Its number.</param>
/// <param name="EventId">The id of the event that it is about.</param>
/// <param name="EventType">The type of that event.</param>
/// <param name="Channel">EMAIL or PUSH.</param>
/// <param name="Address">Where it was sent, with most of it hidden.</param>
/// <param name="Subject">Its subject or title.</param>
/// <param name="Answer">What the mail server or the push service answered.</param>
/// <param name="SentAt">When it was accepted.</param>
internal sealed record SentNotificationResponse(
    long Id, string EventId, string EventType, string Channel, string Address, string Subject, string Answer, DateTimeOffset SentAt);

/// <summary>A page of what was sent to a member, newest first.</summary>
internal sealed record SentNotificationsResponse(IReadOnlyList<SentNotificationResponse> Items, string? NextCursor);

/// <summary>A notification.</summary>
/// <param name="Id">Its number.</param>
/// <param name="MemberId">Whom it is for.</param>
/// <param name="Channel">EMAIL or PUSH.</param>
/// <param name="EventId">The id of the event that it is about.</param>
/// <param name="EventType">The type of that event.</param>
/// <param name="Status">PENDING, SENT, DEAD after the last attempt, or DISCARDED.</param>
/// <param name="Attempts">Attempts since it was created or replayed.</param>
/// <param name="CreatedAt">When its event was read.</param>
/// <param name="DueAt">When the next attempt is due, while it is pending; quiet hours can delay it.</param>
/// <param name="AttemptedAt">When the last attempt ended.</param>
/// <param name="EndedAt">When it was sent or given up.</param>
/// <param name="LastError">Why the last attempt failed, or why it was given up.</param>
internal sealed record NotificationResponse(
    long Id, long MemberId, string Channel, string EventId, string EventType, string Status, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? DueAt,
    DateTimeOffset? AttemptedAt, DateTimeOffset? EndedAt, string? LastError);

/// <summary>A page of notifications, newest first.</summary>
internal sealed record NotificationsResponse(IReadOnlyList<NotificationResponse> Items, string? NextCursor);

/// <summary>How many notifications became pending again.</summary>
internal sealed record NotificationReplayResponse(int Replayed);
