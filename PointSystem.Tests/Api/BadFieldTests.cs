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
    [InlineData("amount", "\"100\"", "amount must be a number, not a text.")]
    [InlineData("amount", "true", "amount must be a number, not a boolean.")]
    [InlineData("amount", "[1]", "amount must be a number, not an array.")]
    [InlineData("amount", "{}", "amount must be a number, not an object.")]
    [InlineData("amount", "null", "amount is required and must not be null.")]
    [InlineData("amount", null, "amount is required.")]
    [InlineData("memberId", "0", "memberId must be at least 1.")]
    [InlineData("memberId", "-1", "memberId must be at least 1.")]
    [InlineData("memberId", "1.5", "memberId must be a whole number written without fraction or exponent.")]
    [InlineData("memberId", "9223372036854775808", "memberId must be at most 9223372036854775807.")]
    [InlineData("memberId", "\"7\"", "memberId must be a number, not a text.")]
    [InlineData("memberId", null, "memberId is required.")]
    [InlineData("orderNumber", null, "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "null", "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "\"\"", "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "\" \\t \"", "orderNumber is required and must not be blank.")]
    [InlineData("orderNumber", "12", "orderNumber must be a text, not a number.")]
    [InlineData("orderNumber", "\"A\\u00001\"", "orderNumber must not contain control characters.")]
    [InlineData("orderNumber", "\"A\\n1\"", "orderNumber must not contain control characters.")]
    [InlineData("orderNumber", "\"A\\ud8001\"", "orderNumber must be valid Unicode text.")]
    public async Task Use_WrongField_SaysWhichAndWhy(string field, string? json, string sentence)
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
    [InlineData("expirationDays", "\"30\"", "expirationDays must be a number, not a text.")]
    [InlineData("isManualGrant", "1", "isManualGrant must be true or false.")]
    [InlineData("isManualGrant", "\"true\"", "isManualGrant must be true or false.")]
    [InlineData("reason", "5", "reason must be a text, not a number.")]
    [InlineData("reason", "\"\\u0000\"", "reason must not contain control characters.")]
    [InlineData("reason", "\"\\udc00\"", "reason must be valid Unicode text.")]
    public async Task Accumulate_WrongOptionalField_SaysWhichAndWhy(string field, string json, string sentence)
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
    public async Task Accumulate_DaysOutsideThePolicy_AreRefusedByTheRule(int expirationDays)
    {
        using var client = api.Client();

        var answer = await client.PostAsync("/api/points/accumulate", new { memberId = 1, amount = 5, expirationDays });

        answer.IsProblem(HttpStatusCode.UnprocessableEntity, "INVALID_EXPIRATION_DATE");
    }

    [Fact]
    public async Task Use_SeveralWrongFields_ToldTogetherAmountFirst()
    {
        using var client = api.Client();

        var answer = await client.PostAsync("/api/points/use", new { orderNumber = new string('x', 10_240), amount = -1 });

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_AMOUNT");
        Assert.Equal("memberId is required.", answer.Sentence("memberId"));
        Assert.Equal("orderNumber must have at most 100 characters.", answer.Sentence("orderNumber"));
        Assert.Equal("amount must be at least 1.", answer.Sentence("amount"));
    }

    [Fact]
    public async Task Accumulate_UnknownFields_AreIgnored()
    {
        using var client = api.Client();

        var answer = await client.PostAsync("/api/points/accumulate", new { memberId = 1, amount = 5, colour = new { deep = "blue" } });

        answer.Expect(HttpStatusCode.Created);
    }
}
