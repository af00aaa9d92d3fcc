using System.Net;
using PointSystem.Tests.Api;

namespace PointSystem.Tests.Telemetry;

/// <summary>Telemetry settings, each in an API of its own, without a database.</summary>
public sealed class TelemetrySettingTests
{
    private const string Prometheus = "Telemetry__Metrics__Prometheus";
    private static readonly string NoDatabase = ApiProcess.NoDatabase();

    [Theory]
    [InlineData("Production", null, HttpStatusCode.NotFound)]
    [InlineData("Production", "true", HttpStatusCode.OK)]
    [InlineData("Development", null, HttpStatusCode.OK)]
    [InlineData("Development", "false", HttpStatusCode.NotFound)]
    public async Task Metrics_ByEnvironmentAndSetting_AreServedOrNotFound(string environment, string? setting, HttpStatusCode status)
    {
        await using var api = await ApiHost.StartAsync(NoDatabase, ("ASPNETCORE_ENVIRONMENT", environment), (Prometheus, setting));
        using var client = new PointsClient(api.Address);

        (await client.GetAsync("/metrics")).Expect(status);
    }

    [Fact]
    public async Task Sigterm_SpansNotYetSent_AreSentBeforeExit()
    {
        Needs.Signals();
        await using var receiver = await OtlpReceiver.StartAsync(Token);
        await using var api = await ApiProcess.StartAsync(
            NoDatabase,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Address.ToString()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"));
        using var client = new PointsClient(api.Address);
        _ = await client.GetAsync("/api/points/balance/7");
        Assert.DoesNotContain(receiver.Spans, span => span.Kind == SpanKind.Server);

        await api.SignalAsync("TERM");
        await api.WaitForExitAsync(Token);

        Assert.Equal("GET /api/points/balance/{memberId}", Assert.Single(receiver.Spans, span => span.Kind == SpanKind.Server).Name);
        Assert.Equal(0, api.ExitCode);
    }

    [Theory]
    [InlineData(Prometheus, "perhaps", "Telemetry:Metrics:Prometheus must be true or false, not 'perhaps'.")]
    [InlineData(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317",
        "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://localhost:4317, not 'localhost:4317'.")]
    public async Task Start_InvalidSetting_ExitsWithOneSentence(string name, string value, string sentence)
    {
        await using var api = ApiProcess.Run([], NoDatabase, (name, value));

        await api.WaitForExitAsync(Token);

        Assert.Equal(1, api.ExitCode);
        await Eventually.HoldsAsync(() => api.Output.Trim() == sentence, api.Output);
    }
}
