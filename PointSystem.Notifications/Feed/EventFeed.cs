using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PointSystem.Notifications.Feed;

/// <summary>An event about which a member is told.</summary>
/// <param name="Source">Its source.</param>
/// <param name="Id">Its id, unique for the source.</param>
/// <param name="Type">Its type.</param>
/// <param name="MemberId">The member.</param>
/// <param name="Time">When it happened.</param>
/// <param name="Data">Its data as JSON, without details.</param>
internal sealed record MemberEvent(string Source, string Id, string Type, long MemberId, DateTimeOffset Time, string Data);

/// <summary>A page of the feed.</summary>
/// <param name="Events">Those of its events that are wanted.</param>
/// <param name="Next">The cursor after it.</param>
/// <param name="IsEmpty">Whether there were no events at all.</param>
internal sealed record FeedPage(IReadOnlyList<MemberEvent> Events, string Next, bool IsEmpty);

/// <summary>The feed refuses what this process asks for; its answer says why.</summary>
internal sealed class FeedRefusedException(string message) : Exception(message);

/// <summary>Reads the feed of events (docs/events.md).</summary>
internal sealed class EventFeed(HttpClient http)
{
    private const int Limit = 500;

    /// <summary>Reads the events after a cursor; null begins with the oldest.</summary>
    /// <exception cref="FeedRefusedException">The cursor comes from another database, or the token does not allow it.</exception>
    /// <exception cref="HttpRequestException">The feed is away.</exception>
    public async Task<FeedPage> ReadAsync(string? after, IReadOnlyList<string> types, CancellationToken cancellationToken)
    {
        var query = after is null ? "" : $"&after={Uri.EscapeDataString(after)}";
        using var response = await http.GetAsync(
            new Uri(string.Create(CultureInfo.InvariantCulture, $"/api/events?limit={Limit}{query}"), UriKind.Relative), cancellationToken);
        if (response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            throw new FeedRefusedException(
                $"the feed answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancellationToken)}");
        }

        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var page = await JsonDocument.ParseAsync(body, cancellationToken: cancellationToken);
        var events = page.RootElement.GetProperty("events");
        return new FeedPage(
            [.. events.EnumerateArray().Where(one => types.Contains(one.GetProperty("type").GetString(), StringComparer.Ordinal)).Select(Read)],
            page.RootElement.GetProperty("next").GetString()!,
            events.GetArrayLength() == 0);
    }

    private static MemberEvent Read(JsonElement happened)
    {
        // Messages do not need the details, of which there can be a hundred.
        var data = JsonObject.Create(happened.GetProperty("data"))!;
        data.Remove("details");
        return new MemberEvent(
            happened.GetProperty("source").GetString()!, happened.GetProperty("id").GetString()!, happened.GetProperty("type").GetString()!,
            data["memberId"]!.GetValue<long>(), happened.GetProperty("time").GetDateTimeOffset(), data.ToJsonString());
    }
}
