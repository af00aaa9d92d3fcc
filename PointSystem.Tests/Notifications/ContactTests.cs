using System.Net;
using System.Text;
using PointSystem.Tests.Api;

namespace PointSystem.Tests.Notifications;

[Collection(ApiTests.Name)]
public sealed class ContactTests(ApiFixture api)
{
    [Fact]
    public async Task PutContact_WrongField_IsRefusedWithItsRule()
    {
        using var client = api.Client();
        var path = $"/api/notifications/contacts/{PointsClient.NewMember()}";
        foreach (var (body, sentence) in ((string, string)[])
            [
                ("""{"email":"no address"}""", "email must be one address, such as name@example.com."),
                ("""{"email":"Kim <kim@example.com>"}""", "email must be one address, such as name@example.com."),
                ("""{"email":"a@example.com,b@example.com"}""", "email must be one address, such as name@example.com."),
                ("""{"email":"a@example.com\r\nBcc: b@example.com"}""", "email must"),
                ("""{"email":7}""", "email must be a string"),
                ($$"""{"email":"{{new string('a', 250)}}@example.com"}""", "email must have at most 254 characters."),
                ("""{"language":"fr"}""", "language must be one of ko, en."),
                ("""{"optOuts":["SMS"]}""", "Each item of optOuts must be one of EMAIL, PUSH, ACTIVITY, EXPIRY."),
                ("""{"optOuts":["EMAIL","EMAIL"]}""", "optOuts must not have an item twice."),
            ])
        {
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            var refused = await client.SendAsync(new HttpRequestMessage(HttpMethod.Put, path) { Content = content });

            refused.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
            Assert.Contains(sentence, refused.Text, StringComparison.Ordinal);
        }

        (await client.GetAsync(path)).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
    }

    [Fact]
    public async Task Contact_IsCreatedReplacedAndDeleted()
    {
        using var client = api.Client();
        var path = $"/api/notifications/contacts/{PointsClient.NewMember()}";

        var created = (await client.PutAsync(path, new { email = "anna@example.com", pushToken = "t", optOuts = (string[])["EXPIRY", "PUSH"] })).Expect(HttpStatusCode.Created);
        Assert.Equal(path, created.Headers["Location"]);
        Assert.Equal(("anna@example.com", "t", "ko"), (created.TextOf("email"), created.TextOf("pushToken"), created.TextOf("language")));
        Assert.Equal(["EXPIRY", "PUSH"], created.Json["optOuts"]!.AsArray().Select(one => one!.GetValue<string>()));

        var replaced = (await client.PutAsync(path, new { language = "en" })).Expect(HttpStatusCode.OK);
        Assert.Null(replaced.Json["email"]);
        Assert.Equal(created.TextOf("createdAt"), replaced.TextOf("createdAt"));
        Assert.Equal(replaced.Text, (await client.GetAsync(path)).Expect(HttpStatusCode.OK).Text);

        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, path))).Expect(HttpStatusCode.NoContent);
        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, path))).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await client.GetAsync("/api/notifications/contacts/0")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.Empty((await client.GetAsync($"/api/notifications/sent/{PointsClient.NewMember()}")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray());
    }
}
