using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

public sealed class StartTests(PointsDatabase server)
{
    private const string Nowhere = "Host=127.0.0.1;Port=1;Username=postgres";

    [Theory]
    [InlineData("Auth__SigningKey", null, "No tokens can be checked: set Auth:SigningKey")]
    [InlineData("Auth__SigningKey", "c2hvcnQ=", "Auth:SigningKey must be base64 of at least 32 bytes.")]
    [InlineData("Auth__SigningKey", "not base64!", "Auth:SigningKey must be base64 of at least 32 bytes.")]
    [InlineData("Auth__Authority", "https://id.example", "Auth:SigningKey and Auth:Authority are both set")]
    [InlineData("Auth__Audience", " ", "Auth:Audience must not be empty")]
    [InlineData("Business__TimeZone", "Mars/Olympus", "Business:TimeZone must be the IANA id of a time zone")]
    [InlineData("ConnectionStrings__points", null, "No database is configured: set the connection string")]
    [InlineData("ConnectionStrings__points", "Hst=1", "The connection string 'points' is not valid")]
    [InlineData("ConnectionStrings__points-standby", "Hst=1", "The connection string 'points-standby' is not valid")]
    [InlineData("ConnectionStrings__points-standby", "Host=a,b;Target Session Attributes=prefer-standby", "'points-standby' must name one server")]
    [InlineData("ConnectionStrings__points-cache", "Hst=1", "The connection string 'points-cache' is not valid")]
    [InlineData("ConnectionStrings__points-cache", "ssl=false", "The connection string 'points-cache' is not valid: it names no server.")]
    [InlineData("Cache__Ttl", "00:02:00", "Cache:Ttl must be from 00:00:01 to 00:01:00.")]
    [InlineData("WarmUp__Limit", "00:02:00", "WarmUp:Limit must be from 00:00:00 to 00:01:00.")]
    [InlineData("Drain__Delay", "00:02:00", "Drain:Delay must be from 00:00:00 to 00:01:00.")]
    [InlineData("RateLimits__Client__Requests", "-1", "RateLimits:Client: Requests must be from 0 (no limit) to 10000000")]
    [InlineData("RateLimits__Member__Window", "00:00:01.5", "RateLimits:Member: Requests must be from 0")]
    [InlineData("RateLimits__Proxies__0", "10.0.0.0/33", "RateLimits:Proxies: '10.0.0.0/33' is not a network such as 10.0.0.0/8.")]
    [InlineData("Webhooks__Concurrency", "abc", "Failed to convert configuration value 'abc' at 'Webhooks:Concurrency'")]
    [InlineData("Events__Sinks__Start", "Yesterday", "Failed to convert configuration value 'Yesterday' at 'Events:Sinks:Start'")]
    [InlineData("Events__Sinks__Kafka__Topic", "", "Topic")]
    [InlineData("Events__Sinks__Kafka__Settings__request.required.acks", "1", "Events:Sinks:Kafka:Settings: request.required.acks is set by the service")]
    public async Task Start_WrongSetting_ExitsWithItsNameAndTheReason(string name, string? value, string sentence)
    {
        await using var process = ApiProcess.Run([], Nowhere, (name, value));

        await process.WaitForExitAsync(Token);

        Assert.Equal(1, process.ExitCode);
        Assert.DoesNotContain("   at ", process.Output, StringComparison.Ordinal);
        Assert.Contains(sentence, process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StandardInput_Closed_EndsTheProcess()
    {
        var database = (await server.GetAsync(Token)).ConnectionString;
        await using var process = ApiProcess.Run([], database);
        await Eventually.SaysAsync(() => process.Output, "Now listening");

        process.CloseInput();
        await process.WaitForExitAsync(Token);

        Assert.Equal(0, process.ExitCode);
    }
}
