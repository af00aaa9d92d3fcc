using System.Globalization;
using System.Net;

namespace PointSystem.Tests.Api;

/// <summary>The version of a member as the token of reads, over HTTP.</summary>
[Collection(ApiTests.Name)]
public sealed class VersionTests(ApiFixture api)
{
    [Fact]
    public async Task Writes_AnswerTheStateOfEachMember_AndReadsFromItAgree()
    {
        using var client = api.Client();
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        var granted = await client.AccumulateAsync(member, 1_000, 30);
        await AssertStateAsync(client, member, granted, 1, 1_000);
        await AssertStateAsync(client, member, await client.AccumulateAsync(member, 500, 60), 2, 1_500);
        var used = await client.UseAsync(member, "A1", 1_200);
        await AssertStateAsync(client, member, used, 4, 300);
        await AssertStateAsync(client, member, await client.CancelUsageAsync(used.TextOf("pointKey"), 1_100), 6, 1_400);

        var transfer = (await client.TransferAsync(member, other, 1_050)).Expect(HttpStatusCode.Created);
        Assert.Equal((350, 8), (transfer.NumberOf("fromBalanceAfter"), transfer.NumberOf("fromVersion")));
        Assert.Equal((1_050, 2), (transfer.NumberOf("toBalanceAfter"), transfer.NumberOf("toVersion")));
        Assert.False(transfer.Headers.ContainsKey("ETag"));
        await AssertReadAsync(client, member, 8, 350);
        await AssertReadAsync(client, other, 2, 1_050);

        var spare = (await client.AccumulateAsync(other, 5)).TextOf("pointKey");
        await AssertStateAsync(client, other, await client.CancelAccumulationAsync(spare), 4, 1_050);

        // The state is that of the write, not of what is read later.
        foreach (var path in new[] { $"use/{used.TextOf("pointKey")}", $"accumulations/{spare}", $"transfers/{transfer.TextOf("pointKey")}" })
        {
            var read = (await client.GetAsync($"/api/points/{path}")).Expect(HttpStatusCode.OK).Json.AsObject();
            Assert.False(read.ContainsKey("version") || read.ContainsKey("balanceAfter") || read.ContainsKey("toVersion"));
        }

        var past = (await client.GetAsync($"/api/points/balance/{member}?asOf={Uri.EscapeDataString(granted.TextOf("createdAt"))}")).Expect(HttpStatusCode.OK);
        Assert.Equal((1_000, 1), (past.NumberOf("balance"), past.NumberOf("version")));
    }

    [Fact]
    public async Task Replay_AfterFurtherWrites_IsTheFirstAnswerWithItsVersion()
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);
        var key = $"{Guid.NewGuid()}";
        var first = (await client.UseAsync(member, "A1", 10, key)).Expect(HttpStatusCode.Created);
        (await client.UseAsync(member, "A2", 10)).Expect(HttpStatusCode.Created);

        var replay = (await client.UseAsync(member, "A1", 10, key)).Expect(HttpStatusCode.Created);

        Assert.Equal("true", replay.Headers["Idempotency-Replayed"]);
        Assert.Equal((first.Text, first.Headers["ETag"]), (replay.Text, replay.Headers["ETag"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("1.0")]
    [InlineData("W/\"1\"")]
    [InlineData("9223372036854775808")]
    [InlineData("1", "2")]
    public async Task MinVersion_Malformed_IsRefusedByName(params string[] values)
    {
        using var client = api.Client();
        foreach (var path in new[] { "/api/points/balance/7", "/api/points/history/7", "/api/points/use/use_By-MsXGtLNWO8JGPmGdO_OI" })
        {
            var refused = (await SendAsync(client, path, "X-Min-Version", values)).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
            Assert.Equal(["X-Min-Version"], refused.Json["errors"]!.AsObject().Select(error => error.Key));
        }
    }

    [Fact]
    public async Task MinVersion_ThatDoesNotExist_IsRefusedByEveryRead()
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);
        foreach (var path in await ReadsAsync(client, member))
        {
            var refused = (await SendAsync(client, path, "X-Min-Version", $"{long.MaxValue}"))
                .IsProblem(HttpStatusCode.PreconditionFailed, "VERSION_NOT_REACHED");
            Assert.Contains($"Member {member} is at version 4,", refused.TextOf("detail"), StringComparison.Ordinal);
        }

        (await SendAsync(client, $"/api/points/balance/{PointsClient.NewMember()}", "X-Min-Version", "0")).Expect(HttpStatusCode.OK);
        (await SendAsync(client, $"/api/points/balance/{PointsClient.NewMember()}", "X-Min-Version", "1")).Expect(HttpStatusCode.PreconditionFailed);
    }

    [Fact]
    public async Task IfNoneMatch_EveryRead_Is304UntilTheNextWrite()
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);
        var reads = await ReadsAsync(client, member);
        var tags = new List<string>();
        foreach (var path in reads)
        {
            tags.Add((await client.GetAsync(path)).Expect(HttpStatusCode.OK).Headers["ETag"]);
            foreach (var known in new[] { tags[^1], tags[^1][2..], $"\"1\", {tags[^1]}", "*" })
            {
                var same = (await SendAsync(client, path, "If-None-Match", known)).Expect(HttpStatusCode.NotModified);
                Assert.Equal(("", tags[^1]), (same.Text, same.Headers["ETag"]));
            }

            Assert.Equal(HttpStatusCode.OK, (await SendAsync(client, path, "If-None-Match", "\"3\"")).Status);
            Assert.Equal(HttpStatusCode.OK, (await SendAsync(client, path, "If-None-Match", "nothing")).Status);
        }

        var written = (await client.AccumulateAsync(member, 1)).Headers["ETag"];

        foreach (var (path, tag) in reads.Zip(tags))
        {
            Assert.NotEqual(tag, (await SendAsync(client, path, "If-None-Match", tag)).Expect(HttpStatusCode.OK).Headers["ETag"]);
        }

        (await SendAsync(client, $"/api/points/balance/{member}", "If-None-Match", written)).Expect(HttpStatusCode.NotModified);

        // What would be refused without the header is refused with it.
        (await SendAsync(client, $"/api/points/balance/{member}?size=0", "If-None-Match", "*")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        (await SendAsync(client, $"/api/points/history/{member}/entries", "If-None-Match", "*")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        (await SendAsync(client, "/api/points/use/use_By-MsXGtLNWO8JGPmGdO_OI", "If-None-Match", "*")).IsProblem(HttpStatusCode.NotFound, "USAGE_NOT_FOUND");
    }

    /// <summary>Callers that write and then read what they were told, while others write the same member.</summary>
    [Fact]
    public async Task MinVersion_OfOnesOwnWrite_IsNeverAnsweredFromAnOlderState()
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var i = 0; i < 10; i++)
            {
                var version = (await client.AccumulateAsync(member, 1)).Expect(HttpStatusCode.Created).NumberOf("version");
                var read = (await SendAsync(client, $"/api/points/balance/{member}", "X-Min-Version", $"{version}")).Expect(HttpStatusCode.OK);
                Assert.True(read.NumberOf("version") >= version);

                // The first entry granted 100 points, each other one.
                Assert.Equal(99 + read.NumberOf("version"), read.NumberOf("balance"));
            }
        }));
    }

    private static async Task AssertStateAsync(PointsClient client, long member, Answer written, long version, long balance)
    {
        Assert.True(written.Status is HttpStatusCode.OK or HttpStatusCode.Created, written.Text);
        Assert.Equal((version, balance, $"W/\"{version}\""), (written.NumberOf("version"), written.NumberOf("balanceAfter"), written.Headers["ETag"]));
        await AssertReadAsync(client, member, version, balance);
    }

    private static async Task AssertReadAsync(PointsClient client, long member, long version, long balance)
    {
        var read = (await SendAsync(client, $"/api/points/balance/{member}", "X-Min-Version", version.ToString(CultureInfo.InvariantCulture)))
            .Expect(HttpStatusCode.OK);
        Assert.Equal((version, balance, $"W/\"{version}\""), (read.NumberOf("version"), read.NumberOf("balance"), read.Headers["ETag"]));
    }

    /// <summary>Three writes, which leave the member at version 4; and the address of every kind of read of what they wrote.</summary>
    private static async Task<IReadOnlyList<string>> ReadsAsync(PointsClient client, long member)
    {
        static string Key(Answer answer) => answer.TextOf("pointKey");
        var use = Key(await client.UseAsync(member, "A1", 40));
        var cancellation = Key(await client.CancelUsageAsync(use, 5));
        var transfer = await client.TransferAsync(member, PointsClient.NewMember(), 1);
        var lot = transfer.Json["details"]![0]!["sourceAccumulationKey"]!.GetValue<string>();
        return
        [
            $"/api/points/balance/{member}", $"/api/points/balance/{member}?size=1", $"/api/points/balance/{member}/expiring", $"/api/points/history/{member}",
            $"/api/points/accumulations/{lot}", $"/api/points/use/{use}", $"/api/points/use/{use}/details", $"/api/points/cancellations/{cancellation}",
            $"/api/points/transfers/{Key(transfer)}",
        ];
    }

    private static Task<Answer> SendAsync(PointsClient client, string path, string header, params string[] values)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var value in values)
        {
            request.Headers.TryAddWithoutValidation(header, value);
        }

        return client.SendAsync(request);
    }
}
