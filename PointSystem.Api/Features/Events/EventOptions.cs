using System.ComponentModel.DataAnnotations;

namespace PointSystem.Api.Features.Events;

/// <summary>Options of the event feed; section <c>Events</c>.</summary>
internal sealed class EventOptions
{
    public const string SectionName = "Events";

    /// <summary>Maximum number of event streams of this replica, 0 … 100,000; default 100. Further ones are refused with 429.</summary>
    [Range(0, 100_000)]
    public int StreamsMax { get; set; } = 100;

    /// <summary>
    /// Time between two looks for new events while a stream waits for some; one query for all streams. 10 ms … 1 minute; default 200 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:01:00")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Time between two measurements of the lag while no stream waits. 10 ms … 1 minute; default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:01:00")]
    public TimeSpan LagInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Time after which an idle stream sends a comment, so that proxies keep it open. 100 ms … 10 minutes; default 15 s, half of the
    /// gateway's limit.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Lag from which the health check is degraded. 1 s … 1 day; default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LagMax { get; set; } = TimeSpan.FromSeconds(30);
}
