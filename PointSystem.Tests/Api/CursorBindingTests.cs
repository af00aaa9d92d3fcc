using System.Globalization;
using System.Net;

namespace PointSystem.Tests.Api;

/// <summary>A cursor is accepted only by the list it came from, with the same filters.</summary>
[Collection(ApiTests.Name)]
public sealed class CursorBindingTests(ApiFixture api)
{
    private const string Past = "2026-01-01T00:00:00Z";

    [Fact]
    public async Task Cursor_OfEachList_IsRefusedByEveryOther()
    {
        using var client = api.Client(Tokens.Admin);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        var (lot, usage) = await FillAsync(client, member);
        var (otherLot, otherUsage) = await FillAsync(client, other);
        var now = Uri.EscapeDataString((await client.GetAsync($"/api/points/balance/{member}")).TextOf("asOf"));
        await ChangeTwiceAsync(client, "MAX_EXPIRATION_DAYS", "1800", "1824");
        await ChangeTwiceAsync(client, "MAX_BALANCE_PER_MEMBER", "9999999", "10000000");
        string[] lists =
        [
            $"/api/points/balance/{member}?", $"/api/points/balance/{other}?", $"/api/points/balance/{member}?asOf={now}&",
            $"/api/points/history/{member}?", $"/api/points/history/{other}?",
            $"/api/points/history/{member}?kind=USE&", $"/api/points/history/{member}?kind=USE_CANCEL&",
            $"/api/points/history/{member}?orderNumber=A1&", $"/api/points/history/{member}?orderNumber=A1&kind=USE&",
            $"/api/points/accumulations/{lot}?", $"/api/points/accumulations/{otherLot}?", $"/api/points/use/{usage}?", $"/api/points/use/{otherUsage}?",
            $"/api/points/statements/{member}?", $"/api/points/statements/{other}?", $"/api/points/statements/{member}?from=2026-01-01&",
            "/api/points/orders/A1?",
            "/api/admin/points/config/MAX_EXPIRATION_DAYS/history?", "/api/admin/points/config/MAX_BALANCE_PER_MEMBER/history?",
            "/api/admin/audit?", "/api/admin/audit?action=CONFIG_CHANGED&", "/api/admin/audit?actor=tester&",
            "/api/admin/audit?target=config:MAX_EXPIRATION_DAYS&", $"/api/admin/audit?from={Past}&", $"/api/admin/audit?to=2100-01-01T00:00:00Z&",
        ];
        var cursors = new List<string>();
        foreach (var list in lists)
        {
            var page = (await client.GetAsync($"{list}size=1")).Expect(HttpStatusCode.OK).Json;
            var cursor = page["nextCursor"] ?? page["accumulations"]?["nextCursor"] ?? page["usagesNextCursor"] ?? page["cancellationsNextCursor"];
            Assert.True(cursor is not null, $"{list} has only one page: {page}");
            cursors.Add(cursor.GetValue<string>());
        }

        for (var of = 0; of < lists.Length; of++)
        {
            for (var at = 0; at < lists.Length; at++)
            {
                var answer = await client.GetAsync($"{lists[at]}size=1&cursor={cursors[of]}");
                if (of == at)
                {
                    answer.Expect(HttpStatusCode.OK);
                    continue;
                }

                Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{lists[at]} accepts the cursor of {lists[of]}");
                Assert.NotEmpty(answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("cursor"));
            }
        }
    }

    [Theory]
    [InlineData("x")]
    [InlineData("")]
    [InlineData("NDI")]
    [InlineData("AAAAAAAAAAAAAAAA.AA")]
    [InlineData("AAAAAAAAAAAAAAAA AA")]
    [InlineData("%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00")]
    [InlineData("%EA%B0%80%EA%B0%80%EA%B0%80AAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.A")]
    [InlineData("AAAAAAAAAAAAAAAAAA==")]
    public async Task Cursor_NotACursor_IsRefusedByEveryList(string cursor)
    {
        using var client = api.Client(Tokens.Admin);
        string[] lists =
        [
            "/api/points/balance/7?", $"/api/points/balance/7?asOf={Past}&", "/api/points/history/7?", "/api/points/history/7?kind=USE&",
            "/api/points/accumulations/acc_B1z8CO5iksMvNGD0T2iJ2pg?", "/api/points/use/use_By-MsXGtLNWO8JGPmGdO_OI?",
            "/api/points/statements/7?", "/api/points/orders/A1?",
            "/api/admin/points/config/MIN_EXPIRATION_DAYS/history?", "/api/admin/audit?",
        ];
        foreach (var list in lists)
        {
            var answer = await client.GetAsync($"{list}cursor={cursor}");
            Assert.NotEmpty(answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("cursor"));
        }
    }

    [Fact]
    public async Task AsOf_SameMomentInAnotherNotation_IsTheSameList()
    {
        using var client = api.Client();
        var member = PointsClient.NewMember();
        await FillAsync(client, member);
        var at = (await client.GetAsync($"/api/points/balance/{member}")).TextOf("asOf");
        // With all six digits: the API leaves zeros at the end out, and digits after them would be another moment.
        var plain = DateTimeOffset.Parse(at, CultureInfo.InvariantCulture).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff", CultureInfo.InvariantCulture);
        var first = (await client.GetAsync($"/api/points/balance/{member}?size=1&asOf={plain}Z")).Expect(HttpStatusCode.OK).Json;
        var cursor = first["accumulations"]!["nextCursor"]!.GetValue<string>();

        var second = (await client.GetAsync($"/api/points/balance/{member}?size=1&asOf={plain}999z&cursor={cursor}")).Expect(HttpStatusCode.OK).Json;

        Assert.Equal(first["asOf"]!.GetValue<string>(), second["asOf"]!.GetValue<string>());
        Assert.Equal(first["balance"]!.GetValue<long>(), second["balance"]!.GetValue<long>());
    }

    /// <summary>Creates at least two items in every list of the member.</summary>
    private static async Task<(string Lot, string Usage)> FillAsync(PointsClient client, long member)
    {
        var lot = (await client.AccumulateAsync(member, 100, 30)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        (await client.AccumulateAsync(member, 100, 60)).Expect(HttpStatusCode.Created);
        var usage = "";
        for (var i = 0; i < 2; i++)
        {
            usage = (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        }

        for (var i = 0; i < 2; i++)
        {
            (await client.CancelUsageAsync(usage, 1)).Expect(HttpStatusCode.OK);
        }

        return (lot, usage);
    }

    private static async Task ChangeTwiceAsync(PointsClient client, string key, string value, string back)
    {
        (await client.PutAsync($"/api/admin/points/config/{key}", new { configValue = value })).Expect(HttpStatusCode.OK);
        (await client.PutAsync($"/api/admin/points/config/{key}", new { configValue = back })).Expect(HttpStatusCode.OK);
    }
}
