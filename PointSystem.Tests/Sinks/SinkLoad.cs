using System.Net;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Sinks;

/// <summary>Writes points, and compares what a consumer of a broker has got with the feed.</summary>
internal static class SinkLoad
{
    /// <summary>Every member gets points, and then uses them in turn. Repeats each request until it is accepted.</summary>
    public static Task WriteAsync(PointsClient client, string round, int members, int uses) => Task.WhenAll(Enumerable.Range(1, members).Select(async member =>
    {
        await AcceptedAsync(() => client.AccumulateAsync(member, 1_000, idempotencyKey: $"{round}-{member}"));
        for (var use = 0; use < uses; use++)
        {
            await AcceptedAsync(() => client.UseAsync(member, $"{round}-{use}", 1, $"{round}-{member}-{use}"));
        }
    }));

    /// <summary>All events of the feed by their ids, once it has that many.</summary>
    public static async Task<Dictionary<string, JsonNode>> FeedAsync(PointsClient admin, int expected)
    {
        Dictionary<string, JsonNode> events = [];
        await Eventually.HoldsAsync(
            async () =>
            {
                events = (await admin.GetAsync("/api/events?limit=1000")).Expect(HttpStatusCode.OK).Json["events"]!.AsArray()
                    .ToDictionary(one => one!["id"]!.GetValue<string>(), one => one!);
                return events.Count >= expected;
            },
            $"{expected} events");
        return events;
    }

    /// <summary>
    /// Asserts that a consumer that ignores what it has seen has every event of the feed as it is there, and those of each member in order.
    /// </summary>
    public static void AssertSameAs(Dictionary<string, JsonNode> feed, IReadOnlyList<JsonNode> received)
    {
        var first = received.DistinctBy(one => one["id"]!.GetValue<string>()).ToList();
        Assert.Equal(feed.Keys.Order(StringComparer.Ordinal), first.Select(one => one["id"]!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.All(received, one => Assert.True(JsonNode.DeepEquals(feed[one["id"]!.GetValue<string>()], one), one.ToJsonString()));
        foreach (var member in first.GroupBy(one => one["subject"]!.GetValue<string>()))
        {
            var sequences = member.Select(one => one["sequence"]!.GetValue<string>()).ToList();
            Assert.Equal(sequences.Order(StringComparer.Ordinal), sequences);
        }
    }

    /// <summary>How many different events there are.</summary>
    public static int Different(IEnumerable<JsonNode> received) => received.Select(one => one["id"]!.GetValue<string>()).Distinct().Count();

    private static Task AcceptedAsync(Func<Task<Answer>> request) => Eventually.HoldsAsync(
        async () =>
        {
            try
            {
                return (await request()).Status == HttpStatusCode.Created;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        "the request is accepted");
}
