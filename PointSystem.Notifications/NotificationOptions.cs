using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PointSystem.Notifications;

/// <summary>What members are told, and when; section <c>Notifications</c>.</summary>
internal sealed class NotificationOptions
{
    public const string SectionName = "Notifications";

    /// <summary>The types of events about which members are told. Default: all of <see cref="EventKinds"/> except <c>points.expired.v1</c>.</summary>
    public IList<string> Types { get; } = [];

    /// <summary>
    /// An event that is older is not told any more; what waited for that long is a dead letter. 1 hour … 1 year; default 3 days. It also keeps a
    /// new installation from telling members their whole history.
    /// </summary>
    [Range(typeof(TimeSpan), "01:00:00", "366.00:00:00")]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromDays(3);

    /// <summary>
    /// The waits before each repetition, of which up to a quarter more is added at random; after the last one a notification is a dead letter. Each
    /// 10 ms … 7 days. Default: 1 min, 5 min, 30 min, 2 h, 6 h, 24 h.
    /// </summary>
    public IList<TimeSpan> RetryWaits { get; } = [];

    /// <summary>Start of the hours in which nothing is sent. Default 21:00.</summary>
    public TimeOnly QuietFrom { get; set; } = new(21, 0);

    /// <summary>Their end; the same as <see cref="QuietFrom"/> means that there are none. Default 08:00.</summary>
    public TimeOnly QuietUntil { get; set; } = new(8, 0);

    /// <summary>The time zone of quiet hours, and of the times in messages. Default Asia/Seoul.</summary>
    [Required]
    public string TimeZone { get; set; } = "Asia/Seoul";

    /// <summary>
    /// How long notifications that have ended stay in the list of administrators. 1 hour … 1 year; default 30 days. What was sent stays in any case.
    /// </summary>
    [Range(typeof(TimeSpan), "01:00:00", "366.00:00:00")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// After this time, a notification whose sender has died is sent by another process, which may repeat it. It must be longer than an attempt can
    /// take. 1 s … 1 hour; default 2 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How many messages are sent at a time over each channel, each over a connection of its own. 1 … 32; default 2.</summary>
    [Range(1, 32)]
    public int Concurrency { get; set; } = 2;

    /// <summary>
    /// A directory with templates that replace the built-in ones, such as <c>en/points.used.v1.liquid</c>. Default: none.
    /// </summary>
    public string? TemplateDirectory { get; set; }

    /// <summary><see cref="Types"/>, or its default.</summary>
    internal IReadOnlyList<string> WantedTypes => Types.Count > 0 ? [.. Types] : DefaultTypes;

    /// <summary><see cref="RetryWaits"/>, or its default.</summary>
    internal IReadOnlyList<TimeSpan> Waits => RetryWaits.Count > 0 ? [.. RetryWaits] : DefaultWaits;

    // There is one event for each accumulation that has expired, and its member was told before.
    private static readonly string[] DefaultTypes = [.. EventKinds.Types.Where(type => type != EventKinds.Expired)];

    private static readonly TimeSpan[] DefaultWaits =
    [
        TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(6), TimeSpan.FromHours(24),
    ];
}

/// <summary>Checks at start what attributes cannot.</summary>
internal sealed class NotificationOptionsValidator : IValidateOptions<NotificationOptions>
{
    private static readonly TimeSpan WaitMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan WaitMax = TimeSpan.FromDays(7);

    public ValidateOptionsResult Validate(string? name, NotificationOptions options)
    {
        var faults = new List<string>();
        foreach (var type in options.Types.Except(EventKinds.Types))
        {
            faults.Add($"Notifications:Types: '{type}' is not one of {string.Join(", ", EventKinds.Types)}.");
        }

        if (options.RetryWaits.Any(wait => wait < WaitMin || wait > WaitMax))
        {
            faults.Add("Notifications:RetryWaits: each wait must be from 00:00:00.01 to 7.00:00:00.");
        }

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(options.TimeZone ?? "", out _))
        {
            faults.Add($"Notifications:TimeZone: '{options.TimeZone}' is not a time zone such as Asia/Seoul.");
        }

        if (options.TemplateDirectory is { Length: > 0 } directory && !Directory.Exists(directory))
        {
            faults.Add($"Notifications:TemplateDirectory: there is no directory {directory}.");
        }

        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}
