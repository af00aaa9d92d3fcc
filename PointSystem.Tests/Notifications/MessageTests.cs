using System.Globalization;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.Options;
using PointSystem.Notifications;
using PointSystem.Notifications.Feed;
using PointSystem.Notifications.Sending;
using PointSystem.Notifications.Templates;

namespace PointSystem.Tests.Notifications;

/// <summary>What messages say, when they are sent, and which settings are refused.</summary>
public sealed class MessageTests
{
    private const string Data =
        """
        {"memberId":7,"amount":-1234567,"balanceAfter":89,"orderNumber":"{{ memberId }}","reason":"<b>","expirationDate":"2026-12-24",
         "expiringAmount":1234567,"daysAhead":7,"fromMemberId":8,"toMemberId":7}
        """;

    private static readonly string[] Zones = ["Asia/Seoul", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns"];
    private static readonly string[] Languages = ["ko", "en"];

    /// <summary>Every type has a text in every language, which shows what it should and nothing of Liquid.</summary>
    [Fact]
    public async Task Templates_OfEveryTypeAndLanguage_ShowTheEvent()
    {
        var templates = new MessageTemplates(Options.Create(new NotificationOptions()));
        foreach (var type in EventKinds.Types)
        {
            foreach (var language in Languages)
            {
                var message = await templates.RenderAsync(
                    Of(type, Data), "kim@example.com", language);

                Assert.Contains("1,234,567", message.Subject, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', message.Subject);
                Assert.DoesNotContain("{%", message.Text, StringComparison.Ordinal);
                Assert.DoesNotContain("-1,234,567", message.Text, StringComparison.Ordinal);
                Assert.Contains(type == "points.expiring.v1" ? "2026-12-24" : "89", message.Text, StringComparison.Ordinal);
                Assert.Equal(language == "ko", message.Subject.Any(c => c is >= '가' and <= '힣'));
                Assert.Equal(type.Contains("use", StringComparison.Ordinal), message.Text.Contains("{{ memberId }}", StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData("ko", "사유")]
    [InlineData("en", "Reason")]
    public async Task Templates_Reason_IsShownIfThereIsOne(string language, string word)
    {
        var templates = new MessageTemplates(Options.Create(new NotificationOptions()));
        foreach (var type in (string[])["points.accumulated.v1", "points.accumulation-cancelled.v1", "points.transferred.v1"])
        {
            var with = await templates.RenderAsync(Of(type, """{"memberId":7,"amount":5,"balanceAfter":5,"reason":"Review written"}"""), "a@example.com", language);
            var without = await templates.RenderAsync(Of(type, """{"memberId":7,"amount":5,"balanceAfter":5}"""), "a@example.com", language);
            Assert.Contains($"{word}: Review written", with.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(word, without.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Templates_OfADirectory_ReplaceTheBuiltInOnesOrEndTheStart()
    {
        var directory = Directory.CreateTempSubdirectory("templates");
        try
        {
            var file = Path.Combine(directory.CreateSubdirectory("en").FullName, "points.used.v1.liquid");
            var options = Options.Create(new NotificationOptions { TemplateDirectory = directory.FullName, TimeZone = "America/New_York" });
            await File.WriteAllTextAsync(file, "Order {{ orderNumber }}\n\n{{ occurredAt | date: \"%H:%M\" }}", Token);
            var message = await new MessageTemplates(options).RenderAsync(Of("points.used.v1", """{"memberId":7,"orderNumber":"A\r\nBcc: x"}"""), "kim@example.com", "en");
            Assert.Equal(("Order A Bcc: x", "22:30"), (message.Subject, message.Text));

            foreach (var broken in (string[])["no text", "Subject\nno empty line", "{% if %}\n\ntext", "Subject\n\n{{ text"])
            {
                await File.WriteAllTextAsync(file, broken, Token);
                var fault = Assert.Throws<OptionsValidationException>(() => new MessageTemplates(options));
                Assert.StartsWith("The template en/points.used.v1.liquid cannot be used: ", fault.Failures.Single(), StringComparison.Ordinal);
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("21:00", "08:00", "2026-11-28T20:59:59+09:00", null)]
    [InlineData("21:00", "08:00", "2026-11-28T21:00:00+09:00", "2026-11-29T08:00:00+09:00")]
    [InlineData("21:00", "08:00", "2026-11-29T00:00:00+09:00", "2026-11-29T08:00:00+09:00")]
    [InlineData("21:00", "08:00", "2026-11-29T07:59:59.999+09:00", "2026-11-29T08:00:00+09:00")]
    [InlineData("21:00", "08:00", "2026-11-29T08:00:00+09:00", null)]
    [InlineData("12:00", "13:00", "2026-11-29T12:30:00+09:00", "2026-11-29T13:00:00+09:00")]
    [InlineData("12:00", "12:00", "2026-11-29T12:00:00+09:00", null)]
    [InlineData("00:00", "00:00", "2026-11-29T00:00:00+09:00", null)]
    public void QuietHours_EndWhenTheyShould(string from, string until, string moment, string? end) => Assert.Equal(
        end is null ? null : DateTimeOffset.Parse(end, CultureInfo.InvariantCulture),
        Quiet(from, until, "Asia/Seoul").EndAt(DateTimeOffset.Parse(moment, CultureInfo.InvariantCulture)));

    /// <summary>In any zone, also where clocks are set forward or back: the end is ahead, at most 25 h away, and no quiet moment itself.</summary>
    [Fact]
    public void QuietHours_AnyZoneAndMoment_EndAheadAndOutside() => Gen.Select(
        Gen.Int[0, Zones.Length - 1].Select(i => Zones[i]),
        Gen.Int[0, 1439], Gen.Int[0, 1439], Gen.Int[0, 60 * 24 * 800]).Sample((zone, from, until, minute) =>
    {
        var moment = new DateTimeOffset(2026, 1, 1, 0, 0, 30, TimeSpan.Zero).AddMinutes(minute);
        var quiet = new QuietHours(Options.Create(new NotificationOptions
        {
            QuietFrom = TimeOnly.MinValue.AddMinutes(from), QuietUntil = TimeOnly.MinValue.AddMinutes(until), TimeZone = zone,
        }));
        if (quiet.EndAt(moment) is { } end)
        {
            Assert.InRange(end - moment, TimeSpan.FromTicks(1), TimeSpan.FromHours(25));
        }
    });

    [Fact]
    public void Settings_Wrong_AreRefusedWithASentence()
    {
        Refused(new NotificationOptionsValidator(), "Notifications:Types: 'points.lost.v1' is not one of", new NotificationOptions { Types = { "points.lost.v1" } });
        Refused(new NotificationOptionsValidator(), "Notifications:RetryWaits: each", new NotificationOptions { RetryWaits = { TimeSpan.FromDays(8) } });
        Refused(new NotificationOptionsValidator(), "Notifications:TimeZone: 'Asia/Soul' is not", new NotificationOptions { TimeZone = "Asia/Soul" });
        Refused(new NotificationOptionsValidator(), "Notifications:TemplateDirectory: there is no", new NotificationOptions { TemplateDirectory = "/none" });
        Refused(new EmailOptionsValidator(), "Email:From: '' is not an address", new EmailOptions { Host = "mail" });
        Refused(new EmailOptionsValidator(), "Email:Host and Email:PickupDirectory", new EmailOptions { Host = "mail", PickupDirectory = "/tmp", From = "a@example.com" });
        Refused(new PushOptionsValidator(), "Push:Url: 'push' is not", new PushOptions { Url = new Uri("push", UriKind.Relative) });
        Refused(new PushOptionsValidator(), "Push:Secret must be whsec_", new PushOptions { Url = new Uri("https://push.example.com"), Secret = "whsec_abc" });
        Refused(new FeedOptionsValidator(), "Feed:TokenAddress needs", new FeedOptions { TokenAddress = new Uri("https://login.example.com") });
        Refused(new FeedOptionsValidator(), "Feed:Address: 'gateway' is not", new FeedOptions { Address = new Uri("gateway", UriKind.Relative) });
        Refused(
            new FeedOptionsValidator(), "Feed:Token and Feed:TokenAddress exclude",
            new FeedOptions { Token = "t", TokenAddress = new Uri("https://login.example.com"), ClientId = "c", ClientSecret = "s" });
        Assert.True(new EmailOptionsValidator().Validate(null, new EmailOptions()).Succeeded);
        Assert.True(new PushOptionsValidator().Validate(null, new PushOptions()).Succeeded);
        Assert.True(new FeedOptionsValidator().Validate(null, new FeedOptions()).Succeeded);
        Assert.True(new NotificationOptionsValidator().Validate(null, new NotificationOptions()).Succeeded);
    }

    private static void Refused<T>(IValidateOptions<T> validator, string sentence, T options)
        where T : class => Assert.StartsWith(sentence, validator.Validate(null, options).FailureMessage, StringComparison.Ordinal);

    private static QuietHours Quiet(string from, string until, string zone) => new(Options.Create(new NotificationOptions
    {
        QuietFrom = TimeOnly.Parse(from, CultureInfo.InvariantCulture), QuietUntil = TimeOnly.Parse(until, CultureInfo.InvariantCulture), TimeZone = zone,
    }));

    private static Notification Of(string type, string data) => new(
        1, "urn:pointsystem:member:7", "7-1", type, Channels.Email, 7, new DateTimeOffset(2026, 11, 28, 2, 30, 0, TimeSpan.Zero).AddHours(1), DateTimeOffset.MaxValue,
        JsonElement.Parse(data), 1, null);
}
