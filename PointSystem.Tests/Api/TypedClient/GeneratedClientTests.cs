using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Api.TypedClient;

/// <summary>What the OpenAPI document promises is what a typed client needs, and all that it gets.</summary>
[Collection(ApiTests.Name)]
public sealed class GeneratedClientTests(ApiFixture api)
{
    [Fact]
    public async Task Client_GeneratedFromTheDocument_PlaysTheTour() => await PlayAsync(await ReadDocumentAsync());

    /// <summary>The tour fails by documents that are wrong.</summary>
    [Theory]
    [InlineData("UsageResponse", "usageDetailsTotal", null)]
    [InlineData("UsageResponse", "usageDetailsNextCursor", """{"type":"string"}""")]
    public async Task Client_GeneratedFromAWrongDocument_Fails(string schema, string property, string? become)
    {
        var document = await ReadDocumentAsync();
        var parts = document["components"]!["schemas"]![schema]!;
        var (properties, required) = (parts["properties"]!.AsObject(), parts["required"]!.AsArray());
        properties.Remove(property);
        required.Remove(required.FirstOrDefault(name => name!.GetValue<string>() == property));
        if (become is not null)
        {
            properties.Add(property, JsonNode.Parse(become));
            required.Add(property);
        }

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => PlayAsync(document));

        Assert.Contains(property, failure.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    private async Task<JsonNode> ReadDocumentAsync()
    {
        using var http = Http();
        return JsonNode.Parse(await http.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative), Token))!;
    }

    private async Task PlayAsync(JsonNode document)
    {
        var tour = await GeneratedClient.CompileAsync(await GeneratedClient.GenerateAsync(document.ToJsonString(), Token), Token);
        using var http = Http();
        using var admin = Http();
        admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Tokens.Admin);
        await tour(http, admin, PointsClient.NewMember(), PointsClient.NewMember());
    }

    private HttpClient Http() => new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = api.Address, Timeout = TimeSpan.FromSeconds(30) };
}
