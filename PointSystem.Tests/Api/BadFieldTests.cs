using System.Net;
using System.Text;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class BadFieldTests(ApiFixture api)
{
    [Theory]
    [InlineData("amount", "-5", "amount must be at least 1.")]
    [InlineData("amount", "0", "amount must be at least 1.")]
    [InlineData("amount", "-0", "amount must be at least 1.")]
    [InlineData("amount", "1.5", "amount must be a whole number written without fraction or exponent.")]
    [InlineData("amount", "100.0", "amount must be a whole number written without fraction or exponent.")]
    [InlineData("amount", "1e2", "amount must be a whole number written without fraction or exponent.")]
    [InlineData("amount", "9223372036854775808", "amount must be at most 9223372036854775807.")]
    [InlineData("amount", "123456789012345678901234567890", "amount must be at most 9223372036854775807.")]
    [InlineData("amount", "-9223372036854775809", "amount must be at least 1.")]
    [InlineData("amount", "\"100\"", "amount must be a number, not a string.")]
    [InlineData("amount", "true", "amount must be a number, not a boolean.")]
    [InlineData("amount", "[1]", "amount must be a number, not an array.")]
    [InlineData("amount", "{}", "amount must be a number, not an object.")]
    [InlineData("amount", "null", "amount is required and must not be null.")]
    [InlineData("amount", null, "amount is required.")]
    [InlineData("memberId", "0", "memberId must be at least 1.")]
    [InlineData("memberId", "-1", "memberId must be at least 1.")]
    [InlineData("memberId", "1.5", "memberId must be a whole number written without fraction or exponent.")]
    [InlineData("memberId", "9223372036854775808", "memberId must be at most 9223372036854775807.")]
    [InlineData("memberId", "\"7\"", "memberId must be a number, not a string.")]
    [InlineData("memberId", null, "memberId is required.")]
    [InlineData("orderNumber", null, "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "null", "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "\"\"", "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "\" \\t \"", "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "12", "orderNumber must be a string, not a number.")]
    [InlineData("orderNumber", "\"A\\u00001\"", "orderNumber must not contain control characters.")]
    [InlineData("orderNumber", "\"A\\n1\"", "orderNumber must not contain control characters.")]
    [InlineData("orderNumber", "\"A\\ud8001\"", "orderNumber must be valid Unicode text.")]
    public async Task Use_WrongField_NamesItAndTheReason(string field, string? json, string sentence)
    {
        var fields = new Dictionary<string, string?> { ["memberId"] = "1", ["orderNumber"] = "\"A1\"", ["amount"] = "10", [field] = json };
        var body = "{" + string.Join(",", fields.Where(pair => pair.Value is not null).Select(pair => $"\"{pair.Key}\":{pair.Value}")) + "}";
        using var client = api.Client();

        var answer = await client.PostAsync("/api/points/use", new StringContent(body, Encoding.UTF8, "application/json"));

        var code = field switch { "amount" => "INVALID_AMOUNT", "orderNumber" => "INVALID_ORDER_NUMBER", _ => "INVALID_REQUEST" };
        answer.IsProblem(HttpStatusCode.BadRequest, code);
        Assert.Equal(sentence, answer.Sentence(field));
        Assert.Single(answer.Json["errors"]!.AsObject());
    }

    [Theory]
    [InlineData("expirationDays", "2147483648", "expirationDays must be at most 2147483647.")]
    [InlineData("expirationDays", "-2147483649", "expirationDays must be at least -2147483648.")]
    [InlineData("expirationDays", "1.5", "expirationDays must be a whole number written without fraction or exponent.")]
    [InlineData("expirationDays", "\"30\"", "expirationDays must be a number, not a string.")]
    [InlineData("isManualGrant", "1", "isManualGrant must be true or false.")]
    [InlineData("isManualGrant", "\"true\"", "isManualGrant must be true or false.")]
    [InlineData("reason", "5", "reason must be a string, not a number.")]
    [InlineData("reason", "\"\\u0000\"", "reason must not contain control characters.")]
    [InlineData("reason", "\"\\udc00\"", "reason must be valid Unicode text.")]
    public async Task Accumulate_WrongOptionalField_NamesItAndTheReason(string field, string json, string sentence)
    {
        using var client = api.Client(Tokens.Admin);

        var answer = await client.PostAsync(
            "/api/points/accumulate", new StringContent($$"""{"memberId":1,"amount":5,"{{field}}":{{json}}}""", Encoding.UTF8, "application/json"));

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.Equal(sentence, answer.Sentence(field));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1825)]
    public async Task Accumulate_DaysOutsideThePolicy_AreUnprocessable(int expirationDays)
    {
        using var client = api.Client();

        var answer = await client.PostAsync("/api/points/accumulate", new { memberId = 1, amount = 5, expirationDays });

        answer.IsProblem(HttpStatusCode.UnprocessableEntity, "INVALID_EXPIRATION_DATE");
    }

    [Fact]
    public async Task Use_SeveralWrongFields_ReportsAllWithTheCodeOfTheAmount()
    {
        using var client = api.Client();

        var answer = await client.PostAsync("/api/points/use", new { orderNumber = new string('x', 10_240), amount = -1 });

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_AMOUNT");
        Assert.Equal("memberId is required.", answer.Sentence("memberId"));
        Assert.Equal("orderNumber must have at most 100 characters.", answer.Sentence("orderNumber"));
        Assert.Equal("amount must be at least 1.", answer.Sentence("amount"));
    }

    [Theory]
    [InlineData(
        "/api/points/accumulate", """{"memberId":1,"amount":5,"colour":{"deep":"blue"}}""",
        "colour", "colour is unknown here; the fields are memberId, amount, expirationDays, isManualGrant, reason.")]
    [InlineData(
        "/api/points/accumulate", """{"memberId":1,"amount":5,"expirationDay":7}""",
        "expirationDay", "expirationDay is unknown here; the nearest field is expirationDays.")]
    [InlineData(
        "/api/points/use", """{"memberId":1,"orderNumber":"A1","amount":5,"Amount":5}""",
        "Amount", "Amount is unknown here; the nearest field is amount.")]
    [InlineData(
        "/api/points/use", """{"memberId":1,"orderNumber":"A1","amount":5,"order_number":null}""",
        "order_number", "order_number is unknown here; the nearest field is orderNumber.")]
    [InlineData(
        "/api/points/transfer", """{"fromMemberId":1,"toMemberId":2,"amount":5,"raeson":"x"}""",
        "raeson", "raeson is unknown here; the nearest field is reason.")]
    [InlineData(
        "/api/points/transfer", """{"fromMemberId":1,"toMemberId":2,"amount":5,"":1}""",
        "a field without a name", "a field without a name is unknown here; the fields are fromMemberId, toMemberId, amount, reason.")]
    public async Task Post_UnknownField_IsRefusedWithTheNearestName(string path, string body, string field, string sentence)
    {
        using var client = api.Client();

        var answer = await client.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.Equal(sentence, answer.Sentence(field));
        Assert.Single(answer.Json["errors"]!.AsObject());
    }

    [Fact]
    public async Task Cancel_MisspeltAmount_CancelsNothing()
    {
        using var client = api.Client();
        var member = PointsClient.NewMember();
        var lot = (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        var usage = (await client.UseAsync(member, "A1", 100)).Expect(HttpStatusCode.Created).TextOf("pointKey");

        var inBody = await client.PostAsync($"/api/points/use/{usage}/cancel", new { ammount = 10 });
        var inQuery = await client.PostAsync($"/api/points/use/{usage}/cancel?amount=10", new { });
        var ofLot = await client.PostAsync($"/api/points/accumulate/{lot}/cancel", new { amount = 10 });
        var config = await client.PutAsync("/api/admin/points/config/MAX_BALANCE_PER_MEMBER", new { configValue = "5", descriptoin = "x" });

        Assert.Equal(
            "ammount is unknown here; the nearest field is amount.", inBody.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("ammount"));
        Assert.Equal(
            "amount is unknown here; there are no parameters.", inQuery.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("amount"));
        Assert.Equal("amount is unknown here; the fields are reason.", ofLot.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("amount"));
        config.IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.Equal(0, await client.BalanceAsync(member));
    }

    [Theory]
    [InlineData("balance/1?as_of=2026-01-01", "as_of", "as_of is unknown here; the nearest parameter is asOf.")]
    [InlineData("history/1?kinds=USE", "kinds", "kinds is unknown here; the nearest parameter is kind.")]
    [InlineData("history/1?page=2", "page", "page is unknown here; the parameters are orderNumber, kind, size, cursor.")]
    public async Task Get_UnknownParameter_IsRefusedWithTheNearestName(string path, string parameter, string sentence)
    {
        using var client = api.Client();

        var answer = await client.GetAsync($"/api/points/{path}");

        Assert.Equal(sentence, answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence(parameter));
    }

    [Theory]
    [InlineData("\\u200b", "orderNumber must have at least one visible character.")]
    [InlineData("\\u3164\\u2800 \\ufeff", "orderNumber must have at least one visible character.")]
    [InlineData("A\\u202e1", "orderNumber must not contain characters that change the direction of writing, such as U+202E.")]
    [InlineData("A\\u2066B\\u2069", "orderNumber must not contain characters that change the direction of writing, such as U+2066.")]
    [InlineData("A\\u200b1", "orderNumber must not contain invisible characters, such as U+200B.")]
    [InlineData("A\\u00ad1", "orderNumber must not contain invisible characters, such as U+00AD.")]
    [InlineData("A\\u20281", "orderNumber must not contain control characters.")]
    public async Task OrderNumber_WithInvisibleCharacters_IsRefusedInBodyAndQuery(string escaped, string sentence)
    {
        using var client = api.Client();
        var text = System.Text.Json.JsonSerializer.Deserialize<string>($"\"{escaped}\"")!;

        var inBody = await client.PostAsync(
            "/api/points/use", new StringContent($$"""{"memberId":1,"orderNumber":"{{escaped}}","amount":1}""", Encoding.UTF8, "application/json"));
        var inQuery = await client.GetAsync($"/api/points/history/1?orderNumber={Uri.EscapeDataString(text)}");

        Assert.Equal(sentence, inBody.IsProblem(HttpStatusCode.BadRequest, "INVALID_ORDER_NUMBER").Sentence("orderNumber"));
        Assert.Equal(sentence, inQuery.IsProblem(HttpStatusCode.BadRequest, "INVALID_ORDER_NUMBER").Sentence("orderNumber"));
    }

    [Fact]
    public async Task OrderNumber_InAnotherNormalizationForm_IsTheSameOrder()
    {
        using var client = api.Client();
        var (member, key) = (PointsClient.NewMember(), Guid.NewGuid().ToString("n"));
        var (composed, decomposed) = ("주문-\u00e9", "주문-\u00e9".Normalize(NormalizationForm.FormD));
        (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);

        var first = (await client.UseAsync(member, decomposed, 10, key)).Expect(HttpStatusCode.Created);
        var again = (await client.UseAsync(member, composed, 10, key)).Expect(HttpStatusCode.Created);

        Assert.NotEqual(composed, decomposed);
        Assert.Equal(composed, first.TextOf("orderNumber"));
        Assert.Equal((first.Text, "true"), (again.Text, again.Headers["Idempotency-Replayed"]));
        foreach (var form in new[] { composed, decomposed })
        {
            var history = await client.GetAsync($"/api/points/history/{member}?orderNumber={Uri.EscapeDataString(form)}");
            Assert.Single(history.Expect(HttpStatusCode.OK).Json["items"]!.AsArray());
        }
    }

    [Fact]
    public async Task Reason_OnlyInvisibleCharacters_IsOmittedAndADirectionOverrideIsRefused()
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);

        var none = await client.PostAsync(
            "/api/points/transfer", new { fromMemberId = member, toMemberId = member + 1_000_000, amount = 1, reason = "\u200b" });
        var turned = await client.PostAsync("/api/points/accumulate", new { memberId = member, amount = 1, reason = "a\u202eb" });

        Assert.Null(none.Expect(HttpStatusCode.Created).Json["reason"]);
        Assert.Equal(
            "reason must not contain characters that change the direction of writing, such as U+202E.",
            turned.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("reason"));
    }
}
