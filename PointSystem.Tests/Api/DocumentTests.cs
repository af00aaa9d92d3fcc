using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class DocumentTests(ApiFixture api)
{
    // Any request can get these.
    private static readonly string[] Everywhere = ["429", "500", "502", "503", "504"];

    [Fact]
    public async Task OpenApi_EveryOperation_HasSummaryExamplesAndProblems()
    {
        using var client = api.Client();

        var document = (await client.GetAsync("/openapi/v1.json")).Expect(HttpStatusCode.OK).Json;

        var operations = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()).ToList();
        Assert.True(operations.Count >= 13, $"Only {operations.Count} operations.");
        Assert.All(operations, operation =>
        {
            var parts = operation.Value!;
            Assert.Matches("^[A-Z][a-z']* ", parts["summary"]!.GetValue<string>());
            Assert.All(Bodies(parts), body => Assert.NotNull(body["example"]));
            Assert.NotNull(parts["responses"]!["503"]);
        });
        Assert.NotNull(document["components"]!["securitySchemes"]!["Bearer"]);
    }

    /// <summary>What linters check, and what documentation pages and generated clients rely on.</summary>
    [Fact]
    public async Task OpenApi_EveryOperation_CanBeUsedByTools()
    {
        using var client = api.Client();
        var document = (await client.GetAsync("/openapi/v1.json")).Expect(HttpStatusCode.OK).Json;
        var operations = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()).Select(operation => operation.Value!).ToList();

        Assert.All(operations, operation =>
        {
            Assert.NotEmpty(operation["security"]!.AsArray());
            Assert.All(Everywhere, status => Assert.NotNull(operation["responses"]![status]));
            Assert.Equal(operation["requestBody"] is not null, operation["responses"]!["408"] is not null);
            Assert.Equal(["Retry-After", "RateLimit-Policy", "RateLimit"], operation["responses"]!["429"]!["headers"]!.AsObject().Select(header => header.Key));
            var parameters = operation["parameters"]?.AsArray() ?? [];
            Assert.All(parameters.Where(parameter => parameter!["required"]?.GetValue<bool>() != true), parameter => Assert.Null(parameter!["example"]));
            Assert.All(
                parameters.Where(parameter => parameter!["name"]!.GetValue<string>() is "memberId" or "runId" or "key"),
                parameter => Assert.NotNull(parameter!["example"]));
            Assert.All(parameters.Where(parameter => parameter!["name"]!.GetValue<string>() is "size" or "memberId" or "runId"), parameter =>
                Assert.Equal("integer", parameter!["schema"]!["type"]!.GetValue<string>()));
        });
        JsonNode Parameter(string path, string name) =>
            document["paths"]![path]!["get"]!["parameters"]!.AsArray().Single(parameter => parameter!["name"]!.GetValue<string>() == name)!;
        Assert.Equal(20, Parameter("/api/points/balance/{memberId}", "size")["schema"]!["default"]!.GetValue<int>());
        Assert.Equal(100, Parameter("/api/points/use/{pointKey}/details", "size")["schema"]!["default"]!.GetValue<int>());
        Assert.Equal(8, Parameter("/api/points/history/{memberId}", "kind")["schema"]!["enum"]!.AsArray().Count);
        Assert.True(Parameter("/api/points/history/{memberId}/entries", "cursor")["required"]!.GetValue<bool>());
        Assert.NotNull(document["paths"]!["/api/admin/points/config/{key}"]!["put"]!["responses"]!["423"]);
        var schemas = document["components"]!["schemas"]!;
        Assert.DoesNotContain("usage", schemas["CancellationResponse"]!["required"]!.AsArray().Select(name => name!.GetValue<string>()));
        Assert.Equal(3, schemas["UsageResponse"]!["properties"]!["status"]!["enum"]!.AsArray().Count);
        Assert.Equal(100, schemas["UsePointsRequest"]!["properties"]!["orderNumber"]!["maxLength"]!.GetValue<int>());
    }

    [Fact]
    public async Task OpenApi_EveryExample_ConformsToItsSchema()
    {
        using var client = api.Client();
        var document = (await client.GetAsync("/openapi/v1.json")).Expect(HttpStatusCode.OK).Json;
        var schemas = OpenApiContract.Read(document).ToDictionary(operation => operation.Name);

        var operations = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject());
        var examples = operations.SelectMany(operation => operation.Value!["responses"]!.AsObject()
            .Where(response => response.Value!["content"] is not null)
            .Select(response => (
                Schema: schemas[operation.Value!["operationId"]!.GetValue<string>()].Answers[response.Key]!,
                Example: response.Value!["content"]!.AsObject().Single().Value!["example"]!.ToJsonString()))).ToList();

        Assert.True(examples.Count > 100, $"Only {examples.Count} examples.");
        Assert.All(examples, example => Assert.Null(OpenApiContract.FindFault(example.Schema, example.Example)));
        // The check itself must be able to fail.
        Assert.NotNull(OpenApiContract.FindFault(schemas["UsePoints"].Answers["201"]!, """{"pointKey":1}"""));
    }

    [Fact]
    public async Task Scalar_Page_LoadsNothingFromElsewhere()
    {
        using var client = api.Client();

        var page = (await client.GetAsync("/scalar/")).Expect(HttpStatusCode.OK).Text;
        var script = await client.GetAsync("/scalar/scalar.js");

        Assert.Contains("scalar.js", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http://", page, StringComparison.Ordinal);
        Assert.DoesNotContain("https://", page, StringComparison.Ordinal);
        script.Expect(HttpStatusCode.OK);
        Assert.True(script.Text.Length > 100_000);
    }

    [Fact]
    public async Task Scalar_Page_NeedsNothingThatItsPolicyForbids()
    {
        using var client = api.Client();

        var (first, second) = (await client.GetAsync("/scalar/"), await client.GetAsync("/scalar/"));

        var policy = first.Headers["Content-Security-Policy"].Split(';', StringSplitOptions.TrimEntries)
            .Select(directive => directive.Split(' ', 2)).ToDictionary(parts => parts[0], parts => parts[1]);
        Assert.Equal("'none'", policy["default-src"]);
        var nonce = Regex.Match(policy["script-src"], "^'self' 'nonce-([^']{16,})'$").Groups[1].Value;
        var scripts = Regex.Matches(first.Text, "<script[^>]*>").Select(tag => tag.Value).ToList();
        Assert.NotEmpty(scripts);
        Assert.All(scripts, tag => Assert.Contains($"nonce=\"{nonce}\"", WebUtility.HtmlDecode(tag), StringComparison.Ordinal));
        // No handlers in attributes, and no styles or frames from elsewhere.
        Assert.DoesNotMatch(@"<[^>]+\son\w+\s*=", first.Text);
        Assert.DoesNotMatch("<(link[^>]+stylesheet|iframe|object|embed|base|form)", first.Text);
        Assert.DoesNotContain(nonce, second.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.Equal("no-store", first.Headers["Cache-Control"]);
    }

    private static IEnumerable<JsonNode> Bodies(JsonNode operation) =>
        operation["responses"]!.AsObject().Select(response => response.Value!["content"])
            .Append(operation["requestBody"]?["content"])
            .Where(content => content is not null)
            .SelectMany(content => content!.AsObject().Select(body => body.Value!));
}
