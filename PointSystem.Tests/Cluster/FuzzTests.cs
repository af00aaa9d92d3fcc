using System.Text;
using CsCheck;

namespace PointSystem.Tests.Cluster;

/// <summary>Random requests that are almost valid: never a 5xx, and every 4xx is a problem.</summary>
public sealed class FuzzTests(ClusterFixture clusters)
{
    private const int Requests = 300;

    private static Gen<string> Pick(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[Gen.Char['\u0001', '\u2fff'], 0, 30],
        Pick(
            "", " ", "-1", "0", "1e400", "9223372036854775808", "null", "%", "%25", "%2e%2e", "..", "'", "\"", "\\u0000", "\\ud83d", "{}", "[]",
            "acc_", "use_AQ", "\u202e", "😀"));

    private static readonly Gen<string> Json = Gen.OneOf(
        Gen.Long.Select(number => $"{number}"),
        Gen.Double.Select(number => FormattableString.Invariant($"{number}")),
        Text.Select(text => System.Text.Json.JsonSerializer.Serialize(text)),
        Pick("true", "false", "null", "[]", "{}", "[[1]]", "{\"a\":1}", "\"\\ud800\"", "\"\\u0000\"", "-0", "1E2", "NaN", "", ","));

    private static readonly string[] Fields =
        ["memberId", "amount", "orderNumber", "expirationDays", "isManualGrant", "reason", "fromMemberId", "toMemberId", "extra"];

    private static readonly Gen<string> Body = Gen.Select(
        Gen.Select(Pick(Fields), Json, (field, value) => $"\"{field}\":{value}").List[0, 6],
        Gen.Int[0, 400],
        Gen.Bool,
        (fields, cut, whole) =>
        {
            var body = "{" + string.Join(',', fields) + "}";
            return whole ? body : body[..Math.Min(cut, body.Length)];
        });

    private static readonly Gen<string> Path = Gen.Select(
        Pick(
            "/api/points/balance/{0}", "/api/points/history/{0}", "/api/points/use/{0}", "/api/points/accumulations/{0}", "/api/points/{0}",
            "/api/points/balance/1?asOf={0}", "/api/points/balance/1?cursor={0}", "/api/points/history/1?kind={0}", "/api/points/history/1?orderNumber={0}",
            "/api/points/history/1?cursor={0}&size={0}", "/api/admin/points/config/{0}", "/api/admin/points/config/{0}/history",
            "/api/events?after={0}", "/api/events?limit={0}", "/api/admin/audit?actor={0}", "/api/admin/audit?target={0}&action={0}",
            "/api/admin/audit?from={0}", "/api/admin/audit?cursor={0}&to={0}", "/{0}"),
        Text,
        (path, text) => string.Format(System.Globalization.CultureInfo.InvariantCulture, path, Uri.EscapeDataString(text)));

    private static readonly Gen<(string Path, string? Body)> Request = Gen.OneOf(
        Path.Select(path => (path, (string?)null)),
        Gen.Select(
            Gen.OneOf(
                Pick(
                    "/api/points/accumulate", "/api/points/use", "/api/points/transfer", "/api/points/use/use_AQ/cancel",
                    "/api/points/accumulate/acc_AQ/cancel"),
                Text.Select(text => $"/api/points/use/{Uri.EscapeDataString(text)}/cancel")),
            Body,
            (path, body) => (path, (string?)body)));

    [Fact]
    public async Task Request_AlmostValid_IsNeverAServerError()
    {
        var cluster = await clusters.GetAsync(Token);
        using var client = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
        await Request.SampleAsync(
            async request =>
            {
                var answer = request.Body is { } body
                    ? await client.PostAsync(request.Path, new StringContent(body, Encoding.UTF8, "application/json"))
                    : await client.GetAsync(request.Path);
                var status = (int)answer.Status;
                Assert.True(status < 500, $"{status} for {request.Path} with {request.Body}: {answer.Text}");
                if (status >= 400)
                {
                    Assert.True(
                        answer.ContentType.StartsWith("application/problem+json", StringComparison.Ordinal),
                        $"{status} {answer.ContentType} for {request.Path}");
                    Assert.NotEmpty(answer.Code);
                }
            },
            iter: Requests,
            threads: 4);
    }
}
