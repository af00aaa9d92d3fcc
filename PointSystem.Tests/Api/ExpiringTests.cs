using System.Net;

namespace PointSystem.Tests.Api;

/// <summary>GET /api/points/balance/{memberId}/expiring</summary>
[Collection(ApiTests.Name)]
public sealed class ExpiringTests(ApiFixture api)
{
    [Fact]
    public async Task Get_PointsOfSeveralDates_AreSummedByDate()
    {
        using var client = api.Client();
        var member = PointsClient.NewMember();
        var today = await TodayAsync(client, member);
        foreach (var (amount, days) in new[] { (100, 3), (50, 3), (70, 30), (9, 31), (5, 366), (6, 367) })
        {
            (await client.AccumulateAsync(member, amount, days)).Expect(HttpStatusCode.Created);
        }

        (await client.UseAsync(member, "A1", 120)).Expect(HttpStatusCode.Created);

        Assert.Equal(
            (100, $"{today.AddDays(3):yyyy-MM-dd} 30, {today.AddDays(30):yyyy-MM-dd} 70"), await ReadAsync(client, member, ""));
        Assert.Equal((30, $"{today.AddDays(3):yyyy-MM-dd} 30"), await ReadAsync(client, member, $"?until={today.AddDays(29):yyyy-MM-dd}"));
        Assert.Equal(114, (await ReadAsync(client, member, $"?until={today.AddDays(366):yyyy-MM-dd}")).Total);
        Assert.Equal((0, ""), await ReadAsync(client, member, $"?until={today:yyyy-MM-dd}"));
        Assert.Equal((0, ""), await ReadAsync(client, PointsClient.NewMember(), ""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("2026-02-30")]
    [InlineData("2020-01-01")]
    [InlineData("9999-12-31")]
    [InlineData("2026-12-01T00:00:00Z")]
    [InlineData("2026-12-01&until=2026-12-02")]
    public async Task Get_InvalidDate_IsRefused(string until)
    {
        using var client = api.Client();
        var refused = (await client.GetAsync($"/api/points/balance/1/expiring?until={until}")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.Equal(["until"], refused.Json["errors"]!.AsObject().Select(error => error.Key));
    }

    private static async Task<DateOnly> TodayAsync(PointsClient client, long member) =>
        DateOnly.Parse((await client.GetAsync($"/api/points/balance/{member}/expiring")).Expect(HttpStatusCode.OK).TextOf("from"), null);

    private static async Task<(long Total, string Items)> ReadAsync(PointsClient client, long member, string query)
    {
        var answer = (await client.GetAsync($"/api/points/balance/{member}/expiring{query}")).Expect(HttpStatusCode.OK);
        return (answer.NumberOf("total"), string.Join(", ", answer.Json["items"]!.AsArray().Select(item => $"{item!["expirationDate"]} {item["amount"]}")));
    }
}
