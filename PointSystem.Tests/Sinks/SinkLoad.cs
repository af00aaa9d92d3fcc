using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using PointSystem.Tests.Api;
using PointSystem.Tests.Telemetry;

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

    /// <summary>
    /// Writes while a broker is away and while the publisher is killed; another one goes on. Then the broker has every event, as it is in the feed, and
    /// those of each member in order.
    /// </summary>
    /// <param name="database">The owner's connection string of a database for this test alone.</param>
    /// <param name="settings">What has the service publish to the broker.</param>
    /// <param name="leave">Takes the broker away.</param>
    /// <param name="comeBack">Brings it back, with what it had.</param>
    /// <param name="take">Takes so many different messages from it.</param>
    public static async Task AssertSurvivesAsync(
        string database, (string Name, string? Value)[] settings, Func<Task> leave, Func<Task> comeBack, Func<int, Task<List<JsonNode>>> take)
    {
        await using var first = await ApiProcess.StartAsync(database, settings);
        using (var client = new PointsClient(first.Address))
        {
            await WriteAsync(client, "a", members: 5, uses: 8);
            var writing = WriteAsync(client, "b", members: 5, uses: 8);
            await leave();
            await writing;
            await comeBack();
        }

        await using var second = await ApiProcess.StartAsync(database, settings);
        using var admin = new PointsClient(second.Address, Tokens.Admin);
        var last = WriteAsync(admin, "c", members: 5, uses: 8);
        await first.SignalAsync("KILL");
        await last;

        // Manual grants of an administrator would be two events; these are one for each write.
        var feed = await FeedAsync(admin, 3 * 5 * 9);
        AssertSameAs(feed, await take(feed.Count));
    }

    /// <summary>How long, as the replica that publishes reports it, the sink has lacked events; null if it does not report it.</summary>
    public static async Task<double?> LagAsync(PointsClient client, string sink) => (await client.GetAsync("/metrics")).Text.Split('\n')
        .Where(line => line.StartsWith($"{MetricsTests.OfBrokers}{{", StringComparison.Ordinal) && line.Contains($"sink=\"{sink}\"", StringComparison.Ordinal))
        .Select(line => (double?)double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture))
        .SingleOrDefault();

    /// <summary>All events of the feed, or those of a type, by their ids, once it has that many.</summary>
    public static async Task<Dictionary<string, JsonNode>> FeedAsync(PointsClient admin, int expected, string? type = null)
    {
        Dictionary<string, JsonNode> events = [];
        await Eventually.HoldsAsync(
            async () =>
            {
                events = (await admin.GetAsync("/api/events?limit=1000")).Expect(HttpStatusCode.OK).Json["events"]!.AsArray()
                    .Where(one => type is null || one!["type"]!.GetValue<string>() == type).ToDictionary(one => one!["id"]!.GetValue<string>(), one => one!);
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
