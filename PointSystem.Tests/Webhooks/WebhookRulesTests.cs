using System.Net;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Features.Webhooks;

namespace PointSystem.Tests.Webhooks;

/// <summary>Rules of webhooks that need no process.</summary>
public sealed class WebhookRulesTests
{
    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("172.15.255.255", true)]
    [InlineData("172.32.0.0", true)]
    [InlineData("100.63.255.255", true)]
    [InlineData("223.255.255.255", true)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.255.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("127.1.2.3", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.0.0.170", false)]
    [InlineData("192.168.0.1", false)]
    [InlineData("198.19.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("::127.0.0.1", false)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2001::1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("2002:7f00:1::", false)]
    [InlineData("fc00::1", false)]
    [InlineData("fd12:3456::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fec0::1", false)]
    [InlineData("ff02::1", false)]
    public void Address_IsPublic(string address, bool expected) => Assert.Equal(expected, WebhookTargets.IsPublic(IPAddress.Parse(address)));

    [Fact]
    public void Waits_AreTheListsWithUpToAQuarterMore_AndRetryAfterIfThatIsLonger()
    {
        TimeSpan[] waits = [TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(100)];

        Assert.Equal(TimeSpan.FromSeconds(4), WebhookWorker.WaitAfter(waits, 1, TimeSpan.Zero, 0));
        Assert.Equal(TimeSpan.FromSeconds(5), WebhookWorker.WaitAfter(waits, 1, TimeSpan.Zero, 1));
        Assert.Equal(TimeSpan.FromSeconds(60), WebhookWorker.WaitAfter(waits, 1, TimeSpan.FromSeconds(60), 0.5));
        Assert.Equal(TimeSpan.FromSeconds(100), WebhookWorker.WaitAfter(waits, 2, TimeSpan.FromSeconds(60), 0));
        Assert.Null(WebhookWorker.WaitAfter(waits, 3, TimeSpan.FromSeconds(60), 0));
        Assert.Equal(10, new WebhookOptions().Waits.Count + 1);
    }

    /// <summary>The longest event there can be.</summary>
    [Fact]
    public void Payload_OfAnyEvent_IsShorterThanTheLimit_AndItsCursorLeadsToTheRest()
    {
        var details = Enumerable.Range(0, 100).Select(_ => new EventDetail(Key("acc"), -long.MaxValue, DateOnly.MaxValue, false) { SourceAccumulationKey = Key("acc") });
        var data = new EventData(new string('가', 200))
        {
            MemberId = long.MaxValue,
            PointKey = Key("use"),
            OrderNumber = new string('가', 100),
            UsagePointKey = Key("use"),
            Amount = -long.MaxValue,
            BalanceAfter = long.MaxValue,
            Reason = new string('가', 500),
            Details = [.. details],
            DetailsTotal = 1000,
            DetailsNextCursor = new string('x', 60),
        };
        var happened = new CloudEvent("1.0", "id", "source", EventTypes.Used, "7", DateTimeOffset.MaxValue, "application/json", "7", "0000000000000002000", data);

        var json = WebhookSender.Serialize(happened);

        Assert.InRange(json.Length, 1, WebhookSender.BytesMax);
        var sent = System.Text.Json.JsonSerializer.Deserialize(json, PointSystem.Api.Features.PointJsonContext.Wire.CloudEvent)!;
        Assert.InRange(sent.Data.Details!.Count, 20, 99);
        Assert.Equal(1000, sent.Data.DetailsTotal);
        Assert.Equal(happened.WithDetails(sent.Data.Details.Count).Data.DetailsNextCursor, sent.Data.DetailsNextCursor);
        Assert.NotEqual(data.DetailsNextCursor, sent.Data.DetailsNextCursor);

        static string Key(string prefix) => $"{prefix}_{new string('A', 36)}";
    }
}
