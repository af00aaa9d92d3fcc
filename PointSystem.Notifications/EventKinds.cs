namespace PointSystem.Notifications;

/// <summary>The events about which members can be told, and their kinds, which members can opt out of.</summary>
internal static class EventKinds
{
    /// <summary>Points were granted, used, given back or transferred.</summary>
    public const string Activity = "ACTIVITY";

    /// <summary>Points will expire, or have.</summary>
    public const string Expiry = "EXPIRY";

    public const string Expired = "points.expired.v1";

    public static readonly IReadOnlyList<string> Types =
    [
        "points.accumulated.v1", "points.accumulation-cancelled.v1", "points.used.v1", "points.use-cancelled.v1", "points.transferred.v1",
        "points.expiring.v1", Expired,
    ];

    public static string KindOf(string type) => type is "points.expiring.v1" or Expired ? Expiry : Activity;
}

/// <summary>The channels; the names stand in the database and in the API.</summary>
internal static class Channels
{
    public const string Email = "EMAIL";
    public const string Push = "PUSH";
}
