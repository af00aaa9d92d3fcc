using System.Net;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class DocumentTests(ApiFixture api)
{
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
            Assert.NotEmpty(parts["summary"]!.GetValue<string>());
            Assert.All(Bodies(parts), body => Assert.NotNull(body["example"]));
            Assert.NotNull(parts["responses"]!["503"]);
        });
        Assert.NotNull(document["components"]!["securitySchemes"]!["Bearer"]);
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

    private static IEnumerable<JsonNode> Bodies(JsonNode operation) =>
        operation["responses"]!.AsObject().Select(response => response.Value!["content"])
            .Append(operation["requestBody"]?["content"])
            .Where(content => content is not null)
            .SelectMany(content => content!.AsObject().Select(body => body.Value!));
}
