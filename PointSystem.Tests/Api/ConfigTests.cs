using System.Net;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class ConfigTests(ApiFixture api) : IDisposable
{
    private const string Root = "/api/admin/points/config";

    private readonly PointsClient _client = api.Client(Tokens.Create(subject: "ops"));

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task List_OutsideProduction_HasAllKeys()
    {
        var items = (await _client.GetAsync(Root)).Expect(HttpStatusCode.OK).Json["items"]!.AsArray();

        Assert.Equal(
            [
                "CLOCK_OFFSET_DAYS", "DEFAULT_EXPIRATION_DAYS",
                "LOCKING_CANARY_PERCENT", "LOCKING_MODE", "LOCKING_MODE_ACCUMULATE", "LOCKING_MODE_CANCEL", "LOCKING_MODE_TRANSFER", "LOCKING_MODE_USE",
                "MAX_ACCUMULATION_AMOUNT_PER_TIME", "MAX_BALANCE_PER_MEMBER", "MAX_EXPIRATION_DAYS", "MIN_EXPIRATION_DAYS", "ON_DUPLICATE_ORDER",
            ],
            items.Select(item => item!["configKey"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("NO_SUCH_KEY")]
    [InlineData("max_balance_per_member")]
    public async Task AnyMethod_UnknownKey_IsNotFound(string key)
    {
        (await _client.GetAsync($"{Root}/{key}")).IsProblem(HttpStatusCode.NotFound, "CONFIG_NOT_FOUND");
        (await _client.GetAsync($"{Root}/{key}/history")).IsProblem(HttpStatusCode.NotFound, "CONFIG_NOT_FOUND");
        (await _client.PutAsync($"{Root}/{key}", new { configValue = "1" })).IsProblem(HttpStatusCode.NotFound, "CONFIG_NOT_FOUND");
    }

    [Theory]
    [InlineData("MAX_BALANCE_PER_MEMBER", "0", "MAX_BALANCE_PER_MEMBER must be a whole number from 1 to 1000000000000, digits only.")]
    [InlineData("MAX_BALANCE_PER_MEMBER", "1000000000001", "MAX_BALANCE_PER_MEMBER must be a whole number from 1 to 1000000000000, digits only.")]
    [InlineData("MAX_BALANCE_PER_MEMBER", "99999999999999999999", "MAX_BALANCE_PER_MEMBER must be a whole number from 1 to 1000000000000, digits only.")]
    [InlineData("MAX_ACCUMULATION_AMOUNT_PER_TIME", "1.5", "MAX_ACCUMULATION_AMOUNT_PER_TIME must be a whole number from 1 to 1000000000000, digits only.")]
    [InlineData("MAX_ACCUMULATION_AMOUNT_PER_TIME", "010", "MAX_ACCUMULATION_AMOUNT_PER_TIME must be a whole number from 1 to 1000000000000, digits only.")]
    [InlineData("MAX_EXPIRATION_DAYS", "1825", "MAX_EXPIRATION_DAYS must be a whole number from 1 to 1824, digits only.")]
    [InlineData("MIN_EXPIRATION_DAYS", "1824", "MIN_EXPIRATION_DAYS (1824) must be below MAX_EXPIRATION_DAYS (1824).")]
    [InlineData("MIN_EXPIRATION_DAYS", "366", "DEFAULT_EXPIRATION_DAYS (365) must be from MIN_EXPIRATION_DAYS (366) to MAX_EXPIRATION_DAYS (1824).")]
    [InlineData("MAX_EXPIRATION_DAYS", "364", "DEFAULT_EXPIRATION_DAYS (365) must be from MIN_EXPIRATION_DAYS (1) to MAX_EXPIRATION_DAYS (364).")]
    [InlineData("CLOCK_OFFSET_DAYS", "3651", "CLOCK_OFFSET_DAYS must be a whole number from 0 to 3650, digits only.")]
    [InlineData("ON_DUPLICATE_ORDER", "refuse", "ON_DUPLICATE_ORDER must be ALLOW or REFUSE.")]
    [InlineData("ON_DUPLICATE_ORDER", "1", "ON_DUPLICATE_ORDER must be ALLOW or REFUSE.")]
    [InlineData("LOCKING_MODE", "7", "LOCKING_MODE must be distributed, adaptive, row or default.")]
    [InlineData("LOCKING_MODE", "2", "LOCKING_MODE must be distributed, adaptive, row or default.")]
    [InlineData("CLOCK_OFFSET_DAYS", "-1", "CLOCK_OFFSET_DAYS must be a whole number from 0 to 3650, digits only.")]
    public async Task Put_InvalidAloneOrWithOthers_IsRefusedAndChangesNothing(string key, string value, string sentence)
    {
        var before = (await _client.GetAsync(Root)).Text;

        var answer = await _client.PutAsync($"{Root}/{key}", new { configValue = value });

        answer.IsProblem(HttpStatusCode.UnprocessableEntity, "INVALID_CONFIG_VALUE");
        Assert.Equal(sentence, answer.TextOf("detail"));
        Assert.Equal(before, (await _client.GetAsync(Root)).Text);
    }

    [Fact]
    public async Task Put_WrongShape_IsBadRequest()
    {
        var path = $"{Root}/MAX_BALANCE_PER_MEMBER";

        Assert.Equal(
            "configValue is required and must not be blank.",
            (await _client.PutAsync(path, new { })).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("configValue"));
        Assert.Equal(
            "configValue must be a string, not a boolean.",
            (await _client.PutAsync(path, new { configValue = true })).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("configValue"));
        Assert.Equal(
            "configValue must be a whole number written without fraction or exponent, or a string.",
            (await _client.PutAsync(path, new { configValue = 1.5 })).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("configValue"));
    }

    [Fact]
    public async Task Put_Valid_AppliesAtOnceAndIsInTheHistory()
    {
        var path = $"{Root}/MAX_ACCUMULATION_AMOUNT_PER_TIME";
        var member = PointsClient.NewMember();

        var lowered = (await _client.PutAsync(path, new { configValue = 50, description = "Lowered" })).Expect(HttpStatusCode.OK);
        var refused = await _client.AccumulateAsync(member, 51);
        var restored = (await _client.PutAsync(path, new { configValue = "100000" })).Expect(HttpStatusCode.OK);
        var accepted = await _client.AccumulateAsync(member, 51);

        Assert.Equal("50", lowered.TextOf("configValue"));
        Assert.Equal("ops", lowered.TextOf("updatedBy"));
        Assert.Equal("Lowered", restored.TextOf("description"));
        refused.IsProblem(HttpStatusCode.UnprocessableEntity, "EXCEEDED_MAX_ACCUMULATION");
        accepted.Expect(HttpStatusCode.Created);
        var first = await HistoryAsync(path, "?size=1");
        var second = await HistoryAsync(path, $"?size=1&cursor={first["nextCursor"]}");
        Assert.Equal(("50", "100000"), Change(first));
        Assert.Equal(("100000", "50"), Change(second));
        Assert.Equal(lowered.TextOf("updatedAt"), second["items"]![0]!["updatedAt"]!.GetValue<string>());
    }

    [Fact]
    public async Task Put_CurrentValue_ChangesAndRecordsNothing()
    {
        var path = $"{Root}/MIN_EXPIRATION_DAYS";
        var before = await _client.GetAsync(path);
        var history = (await _client.GetAsync($"{path}/history")).Text;

        var answer = (await _client.PutAsync(path, new { configValue = before.TextOf("configValue") })).Expect(HttpStatusCode.OK);

        Assert.Equal(before.Text, answer.Text);
        Assert.Equal(history, (await _client.GetAsync($"{path}/history")).Text);
    }

    [Fact]
    public async Task Put_TwoAtOnceThatAreInvalidTogether_OnlyOneIsAccepted()
    {
        for (var round = 0; round < 10; round++)
        {
            var answers = await Task.WhenAll(
                _client.PutAsync($"{Root}/DEFAULT_EXPIRATION_DAYS", new { configValue = 100 }),
                _client.PutAsync($"{Root}/MIN_EXPIRATION_DAYS", new { configValue = 200 }));

            Assert.Equal([HttpStatusCode.OK, HttpStatusCode.UnprocessableEntity], answers.Select(answer => answer.Status).Order());
            (await _client.PutAsync($"{Root}/MIN_EXPIRATION_DAYS", new { configValue = 1 })).Expect(HttpStatusCode.OK);
            (await _client.PutAsync($"{Root}/DEFAULT_EXPIRATION_DAYS", new { configValue = 365 })).Expect(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task ClockOffset_OutsideProduction_ShiftsTheBusinessDay()
    {
        var member = PointsClient.NewMember();
        (await _client.AccumulateAsync(member, 10, expirationDays: 30)).Expect(HttpStatusCode.Created);

        (await _client.PutAsync($"{Root}/CLOCK_OFFSET_DAYS", new { configValue = 31 })).Expect(HttpStatusCode.OK);
        var later = await _client.BalanceAsync(member);
        (await _client.PutAsync($"{Root}/CLOCK_OFFSET_DAYS", new { configValue = 0 })).Expect(HttpStatusCode.OK);

        Assert.Equal(0, later);
        Assert.Equal(10, await _client.BalanceAsync(member));
    }

    private static (string? Old, string? New) Change(JsonNode page) =>
        (page["items"]![0]!["oldValue"]?.GetValue<string>(), page["items"]![0]!["newValue"]?.GetValue<string>());

    private async Task<JsonNode> HistoryAsync(string path, string query) => (await _client.GetAsync($"{path}/history{query}")).Expect(HttpStatusCode.OK).Json;
}
