using System.Net;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Api;

/// <summary>The paged lists inside usages, cancellations, transfers and history items, over HTTP.</summary>
[Collection(ApiTests.Name)]
public sealed class InnerPageTests(ApiFixture api)
{
    private const int Lots = 130;

    [Fact]
    public async Task InnerLists_OverManyLots_AreReadToTheEndByCursor()
    {
        using var client = api.Client();
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        for (var i = 0; i < Lots; i++)
        {
            (await client.AccumulateAsync(member, 2)).Expect(HttpStatusCode.Created);
        }

        var usage = (await client.UseAsync(member, "A1", 2 * Lots)).Expect(HttpStatusCode.Created);
        var cancellation = (await client.CancelUsageAsync(usage.TextOf("pointKey"))).Expect(HttpStatusCode.OK);
        var transfer = (await client.TransferAsync(member, other, 2 * Lots)).Expect(HttpStatusCode.Created);
        var item = (await client.GetAsync($"/api/points/history/{member}?kind=USE")).Expect(HttpStatusCode.OK).Json["items"]![0]!;
        var lists = new (string Path, string Items, JsonNode First, string FirstItems, string Cursor, string NextCursor)[]
        {
            ($"/api/points/use/{usage.TextOf("pointKey")}/details", "items", usage.Json, "usageDetails", "usageDetailsNextCursor", "nextCursor"),
            (
                $"/api/points/cancellations/{cancellation.TextOf("pointKey")}", "restored", cancellation.Json, "restored",
                "detailsNextCursor", "detailsNextCursor"),
            ($"/api/points/transfers/{transfer.TextOf("pointKey")}", "details", transfer.Json, "details", "detailsNextCursor", "detailsNextCursor"),
            ($"/api/points/history/{member}/entries", "items", item, "entries", "entriesNextCursor", "nextCursor"),
        };

        foreach (var list in lists)
        {
            Assert.Equal(100, list.First[list.FirstItems]!.AsArray().Count);
            var cursor = list.First[list.Cursor]!.GetValue<string>();
            var page = (await client.GetAsync($"{list.Path}?cursor={cursor}&size=29")).Expect(HttpStatusCode.OK);
            Assert.Equal(29, page.Json[list.Items]!.AsArray().Count);
            var last = (await client.GetAsync($"{list.Path}?cursor={page.TextOf(list.NextCursor)}")).Expect(HttpStatusCode.OK);
            Assert.Single(last.Json[list.Items]!.AsArray());
            Assert.Null(last.Json[list.NextCursor]);

            // A cursor is valid for its own list only.
            foreach (var another in lists.Where(another => another.Path != list.Path))
            {
                var refused = await client.GetAsync($"{another.Path}?cursor={cursor}");
                Assert.True(refused.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Json["errors"]!.AsObject().ContainsKey("cursor"));
            }

            (await client.GetAsync($"{list.Path}?size=101")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        }
    }

    [Theory]
    [InlineData("/api/points/use/use_By-MsXGtLNWO8JGPmGdO_OI/details", "USAGE_NOT_FOUND")]
    [InlineData("/api/points/cancellations/can_B4ZsJuaOJUHAmQ6UNiARPs8", "NOT_FOUND")]
    [InlineData("/api/points/cancellations/nothing", "NOT_FOUND")]
    [InlineData("/api/points/cancellations/use_By-MsXGtLNWO8JGPmGdO_OI", "NOT_FOUND")]
    [InlineData("/api/points/transfers/trf_B9MO-qqIaE-j3ZmpwcOvC3A", "NOT_FOUND")]
    [InlineData("/api/points/transfers/nothing", "NOT_FOUND")]
    public async Task InnerList_UnknownKey_Is404(string path, string code)
    {
        using var client = api.Client();

        (await client.GetAsync(path)).IsProblem(HttpStatusCode.NotFound, code);
    }

    [Fact]
    public async Task HistoryEntries_WithoutACursor_Is400()
    {
        using var client = api.Client();

        (await client.GetAsync("/api/points/history/7/entries")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
    }
}
