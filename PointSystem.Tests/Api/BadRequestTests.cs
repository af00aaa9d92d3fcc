using System.Net;
using System.Net.Http.Headers;
using System.Text;
using PointSystem.Domain.Points;
using PointSystem.Tests.Fuzz;

namespace PointSystem.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class BadRequestTests(ApiFixture api)
{
    private const string UsePath = "/api/points/use";

    [Theory]
    [InlineData("{\"memberId\":1")]
    [InlineData("{\"memberId\":1,}")]
    [InlineData("{\"memberId\":1}{}")]
    [InlineData("{/* no */\"memberId\":1}")]
    [InlineData("{memberId:1}")]
    [InlineData("[1,2]")]
    [InlineData("\"text\"")]
    [InlineData("null")]
    [InlineData("17")]
    [InlineData("   ")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("not json")]
    public async Task Post_NotAJsonObject_IsReportedAsTheBody(string body)
    {
        using var client = api.Client();

        var answer = await client.PostAsync(UsePath, new StringContent(body, Encoding.UTF8, "application/json"));

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.NotNull(answer.Json["errors"]!["body"]);
    }

    [Fact]
    public async Task Post_NoBody_IsReported()
    {
        using var client = api.Client();

        var answer = await client.SendAsync(new HttpRequestMessage(HttpMethod.Post, UsePath));

        Assert.Equal("A JSON object is required as the body.", answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("body"));
    }

    [Fact]
    public async Task Post_FieldGivenTwice_IsRefused()
    {
        using var client = api.Client();

        var answer = await client.PostAsync(
            UsePath, new StringContent("""{"memberId":1,"orderNumber":"A","amount":1,"am\u006funt":1000}""", Encoding.UTF8, "application/json"));

        Assert.Equal("amount is given more than once.", answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("amount"));
    }

    [Theory]
    [InlineData(15, "x", "x is unknown here; the fields are memberId, orderNumber, amount.")]
    [InlineData(16, "body", "The body is nested too deeply: at most 16 levels are allowed.")]
    [InlineData(30_000, "body", "The body is nested too deeply: at most 16 levels are allowed.")]
    public async Task Post_DeepNesting_IsRefusedAsTooDeep(int levels, string field, string sentence)
    {
        using var client = api.Client();
        var body = $$"""{"memberId":1,"orderNumber":"A","amount":1,"x":{{new string('[', levels)}}{{new string(']', levels)}}}""";

        var answer = await client.PostAsync(UsePath, new StringContent(body, Encoding.UTF8, "application/json"));

        Assert.Equal(sentence, answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence(field));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    public async Task Cancel_ChunkedEmptyBody_CountsAsNoBody(string? contentType)
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);
        var usage = (await client.UseAsync(member, "A1", 50)).Expect(HttpStatusCode.Created).TextOf("pointKey");

        var cancelled = await client.SendAsync(Chunked($"/api/points/use/{usage}/cancel", contentType));
        var used = await client.SendAsync(Chunked(UsePath, contentType));

        cancelled.Expect(HttpStatusCode.OK);
        Assert.Equal("A JSON object is required as the body.", used.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("body"));
    }

    [Fact]
    public async Task Cancel_NullAsBody_IsNoBody()
    {
        using var client = api.Client();
        var member = PointsClient.NewMember();
        (await client.AccumulateAsync(member, 10)).Expect(HttpStatusCode.Created);
        var usage = (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created).TextOf("pointKey");

        var cancelled = await client.PostAsync($"/api/points/use/{usage}/cancel", new StringContent("null", Encoding.UTF8, "application/json"));

        Assert.Equal(10, cancelled.Expect(HttpStatusCode.OK).NumberOf("cancelledAmount"));
    }

    private static HttpRequestMessage Chunked(string path, string? contentType)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        request.Headers.TransferEncodingChunked = true;
        return request;
    }

    [Fact]
    public async Task Post_InvalidUtf8_IsRefused()
    {
        using var client = api.Client();
        var content = new ByteArrayContent([.. "{\"memberId\":1,\"orderNumber\":\""u8, 0xC3, 0x28, .. "\",\"amount\":1}"u8]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");

        var answer = await client.PostAsync(UsePath, content);

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task Post_OtherContentType_IsUnsupported(string? contentType)
    {
        using var client = api.Client();
        var content = new ByteArrayContent("{}"u8.ToArray());
        content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);

        var answer = await client.PostAsync(UsePath, content);

        answer.IsProblem(HttpStatusCode.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_MoreThan64Kilobytes_IsTooLarge(bool chunked)
    {
        using var client = api.Client();
        var content = new StringContent($$"""{"memberId":1,"x":"{{new string('x', 70_000)}}"}""", Encoding.UTF8, "application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, UsePath) { Content = content };
        request.Headers.TransferEncodingChunked = chunked;

        var answer = await client.SendAsync(request);

        answer.IsProblem(HttpStatusCode.RequestEntityTooLarge, "REQUEST_TOO_LARGE");
    }

    /// <summary>The frames do not count for the limit of a body, however small its chunks are.</summary>
    [Theory]
    [InlineData(64 * 1024, 400)]
    [InlineData((64 * 1024) + 1, 413)]
    public async Task Post_ChunksOfOneByte_AreLimitedByTheBodyAlone(int length, int status)
    {
        var body = $$"""{"x":"{{new string('x', length - 8)}}"}""";
        var chunks = string.Concat(body.Select(one => $"1\r\n{one}\r\n"));
        var head = $"POST {UsePath} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        using var connection = await RawConnection.OpenAsync(api.Address, Token);

        var answer = await connection.ExchangeAsync(
            new FuzzRequest { Operation = "", Method = "POST", Bytes = Encoding.ASCII.GetBytes($"{head}{chunks}0\r\n\r\n") }, Token);

        Assert.Equal(status, answer!.Status);
        // What was refused is read to its end, and the connection can be used again.
        Assert.Equal(404, (await connection.ExchangeAsync(
            new FuzzRequest { Operation = "", Method = "GET", Bytes = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray() }, Token))!.Status);
    }

    [Fact]
    public async Task Get_UnknownAddress_IsAProblem()
    {
        using var client = api.Client();

        var answer = await client.GetAsync("/api/pints");

        answer.IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        Assert.Equal("one", answer.Headers["X-Replica"]);
    }

    [Fact]
    public async Task Delete_WhereOnlyPostIsAllowed_IsAProblem()
    {
        using var client = api.Client();

        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, UsePath))).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
    }

    [Theory]
    [InlineData("/api/points/balance/0", "memberId", "memberId must be at least 1.")]
    [InlineData("/api/points/balance/9223372036854775808", "memberId", "memberId must be at most 9223372036854775807.")]
    [InlineData("/api/points/balance/-1", "memberId", "memberId must be a whole number from 1 to 9223372036854775807, digits only.")]
    [InlineData("/api/points/balance/abc", "memberId", "memberId must be a whole number from 1 to 9223372036854775807, digits only.")]
    [InlineData("/api/points/history/1?size=0", "size", "size must be a whole number from 1 to 100.")]
    [InlineData("/api/points/history/1?size=1000000", "size", "size must be a whole number from 1 to 100.")]
    [InlineData("/api/points/history/1?size=ten", "size", "size must be a whole number from 1 to 100.")]
    [InlineData("/api/points/use/a%20b", "pointKey", "pointKey must have 1 to 100 characters, each a letter A-Z or a-z, a digit, '-' or '_'.")]
    public async Task Get_WrongParameter_NamesItAndTheReason(string path, string field, string sentence)
    {
        using var client = api.Client();

        var answer = await client.GetAsync(path);

        Assert.Equal(sentence, answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence(field));
    }

    [Fact]
    public async Task Get_KeyOfAnotherType_SaysWhatItIs()
    {
        using var client = api.Client();
        var key = PointKey.Create(PointKeyType.Usage, 7, new byte[PointKey.EntropyBytes]).Value;

        var answer = await client.GetAsync($"/api/points/accumulations/{key}");

        answer.IsProblem(HttpStatusCode.NotFound, "ACCUMULATION_NOT_FOUND");
        Assert.Equal($"'{key}' is the key of a usage; the key of an accumulation is required here.", answer.TextOf("detail"));
    }

    [Theory]
    [InlineData("nothing-of-ours", "USAGE_NOT_FOUND")]
    [InlineData("use_AAAAAAAAAAAAAAAAAAAAAAA", "USAGE_NOT_FOUND")]
    public async Task Get_UnknownKey_IsNotFound(string key, string code)
    {
        using var client = api.Client();

        (await client.GetAsync($"/api/points/use/{key}")).IsProblem(HttpStatusCode.NotFound, code);
    }

    [Theory]
    [InlineData("two words")]
    [InlineData("")]
    [InlineData("long")]
    public async Task Post_WrongIdempotencyKey_IsRefused(string key)
    {
        using var client = api.Client();

        var answer = await client.AccumulateAsync(PointsClient.NewMember(), 5, idempotencyKey: key == "long" ? new string('k', 201) : key);

        answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.NotNull(answer.Json["errors"]!["Idempotency-Key"]);
    }
}
