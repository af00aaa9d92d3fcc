using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.AspNetCore.Http;
using PointSystem.Domain.Points;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>The member of a request, as the gateway reads it: as the API does or not at all, and without ever failing.</summary>
public sealed class RequestMemberTests
{
    private static readonly string Key = PointKey.Create(PointKeyType.Usage, 70_000, new byte[PointKey.EntropyBytes]).Value;

    [Theory]
    [InlineData("/api/points/balance/7", 7L)]
    [InlineData("/api/points/balance/7/", 7L)]
    [InlineData("/API/Points/Balance/007", 7L)]
    [InlineData("/api/points/history/9223372036854775807/entries", long.MaxValue)]
    [InlineData("/api/admin/points/reconciliation/members/12", 12L)]
    [InlineData("/api/points/balance/9223372036854775808", null)]
    [InlineData("/api/points/balance/0", null)]
    [InlineData("/api/points/balance/-7", null)]
    [InlineData("/api/points/balance/+7", null)]
    [InlineData("/api/points/balance/ 7", null)]
    [InlineData("/api/points/balance/7.0", null)]
    [InlineData("/api/points/balance/７", null)]
    [InlineData("/api/points/use", null)]
    [InlineData("/api/points/use/use_AQ/cancel", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData("//", null)]
    public void OfPath_Text_IsReadAsTheApiReadsIt(string? path, long? member) => Assert.Equal(member, RequestMember.OfPath(path));

    [Theory]
    [InlineData("/api/points/use/{0}")]
    [InlineData("/api/points/use/{0}/cancel")]
    [InlineData("/api/points/accumulate/{0}/cancel")]
    [InlineData("/api/points/transfers/{0}")]
    public void OfPath_PointKey_IsItsMember(string path)
    {
        Assert.Equal(70_000, RequestMember.OfPath(path.Replace("{0}", Key, StringComparison.Ordinal)));
        Assert.Null(RequestMember.OfPath(path.Replace("{0}", Key + "=", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("""{"memberId":7,"orderNumber":"A1","amount":5}""", 7L)]
    [InlineData("""{"amount":5,"reason":{"memberId":3},"memberId": 7 }""", 7L)]
    [InlineData("""{"toMemberId":8,"fromMemberId":7,"amount":5}""", 7L)]
    [InlineData("""{"member\u0049d":7}""", 7L)]
    [InlineData("\uFEFF{\"memberId\":7}", 7L)]
    [InlineData("\r\n\t {\"memberId\":9223372036854775807}", long.MaxValue)]
    // What follows is the replica's to refuse; it may well be this member's.
    [InlineData("""{"memberId":7,"memberId":8}""", 7L)]
    [InlineData("""{"memberId":7,""", 7L)]
    [InlineData("""{"memberId":"7"}""", null)]
    [InlineData("""{"memberId":7.0}""", null)]
    [InlineData("""{"memberId":7e0}""", null)]
    [InlineData("""{"memberId":07}""", null)]
    [InlineData("""{"memberId":0}""", null)]
    [InlineData("""{"memberId":-7}""", null)]
    [InlineData("""{"memberId":9223372036854775808}""", null)]
    [InlineData("""{"memberId":null,"fromMemberId":7}""", null)]
    [InlineData("""{"memberId":[7]}""", null)]
    [InlineData("""{"memberid":7,"MemberId":7,"member_id":7}""", null)]
    [InlineData("""[{"memberId":7}]""", null)]
    [InlineData("""{"a":{"memberId":7}}""", null)]
    [InlineData("""{"\ud800":1,"memberId":7}""", 7L)]
    [InlineData("""{"member\ud800":1,"amount":7}""", null)]
    [InlineData("""{/* */"memberId":7}""", null)]
    [InlineData("7", null)]
    [InlineData("memberId=7", null)]
    [InlineData("{", null)]
    [InlineData("", null)]
    [InlineData(" ", null)]
    [InlineData("\uFEFF", null)]
    [InlineData("\0", null)]
    public void OfBody_Text_IsReadOrLeftAlone(string body, long? member) => Assert.Equal(member, RequestMember.OfBody(Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void OfBody_LargeOrDeep_IsReadOrLeftAlone()
    {
        Assert.Equal(7, RequestMember.OfBody(Encoding.UTF8.GetBytes($$"""{"reason":"{{new string('x', 65_000)}}","memberId":7}""")));
        Assert.Null(RequestMember.OfBody(Encoding.UTF8.GetBytes($$"""{"a":{{new string('[', 32_000)}}{{new string(']', 32_000)}},"memberId":7}""")));
        Assert.Null(RequestMember.OfBody(Encoding.UTF8.GetBytes(new string('[', 65_000))));
        Assert.Null(RequestMember.OfBody(Encoding.Unicode.GetBytes("""{"memberId":7}""")));
    }

    [Fact]
    public void OfBody_AnyJson_IsWhatJsonDocumentReads() => Json.Sample(
        text =>
        {
            var read = RequestMember.OfBody(Encoding.UTF8.GetBytes(text));
            if (Reference(text) is { IsJson: true } reference)
            {
                Assert.True(reference.Member == read, $"{read} instead of {reference.Member} from {text}");
            }
        },
        iter: 20_000);

    [Fact]
    public void OfBody_AnyBytes_NeverThrows() => Gen.Select(Json, Gen.Select(Gen.Int[0, 300], Gen.Byte).Array[0, 4]).Sample(
        (text, changes) =>
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            foreach (var (at, value) in changes)
            {
                if (at < bytes.Length)
                {
                    bytes[at] = value;
                }
                else
                {
                    bytes = bytes[..Math.Min(bytes.Length, at)];
                }
            }
            _ = RequestMember.Find(Encoding.Latin1.GetString(bytes) is var path && path.StartsWith('/') ? new PathString(path) : default, bytes);
        },
        iter: 20_000);

    [Fact]
    public void Find_OrdinaryRequests_AllocatesNothing()
    {
        var use = """{"memberId":               7,"orderNumber":"A1","amount":5}"""u8.ToArray();
        var transfer = """{"toMemberId":8,"reason":"Family account","fromMemberId":7}"""u8.ToArray();
        var (post, read) = (new PathString("/api/points/use"), new PathString("/api/points/balance/7"));
        var cancel = new PathString($"/api/points/use/{Key}/cancel");
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Round();

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            for (var i = 0; i < 100; i++)
            {
                if (RequestMember.Find(post, use) != 7 || RequestMember.Find(post, transfer) != 7 || RequestMember.Find(read, []) != 7
                    || RequestMember.Find(cancel, []) != 70_000)
                {
                    Assert.Fail("A member was not read.");
                }
            }
        }
    }

    private static Gen<string> Pick(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static readonly Gen<string> Blank = Pick("", "", "", " ", "\n", "\t \r\n");

    private static readonly Gen<string> Name = Pick(
        "memberId", "memberId", "fromMemberId", "member\\u0049d", "\\u0066romMemberId", "MemberId", "toMemberId", "amount", "",
        "a\\\"b", "member\\ud800", "\\uD83D\\uDE00", "회원", "memberId ");

    private static readonly Gen<string> Value = Gen.OneOf(
        Gen.Long.Select(number => $"{number}"),
        Gen.Long[1, 100].Select(number => $"{number}"),
        Pick(
            "0", "-0", "7.0", "7e0", "9223372036854775807", "9223372036854775808", "\"7\"", "null", "true", "[]", "{}", "[7,[8]]", "{\"memberId\":9}",
            "{\"a\":{\"fromMemberId\":9}}", "\"memberId\"", "\"\\u0000\"", "\"}\""));

    private static readonly Gen<string> Json = Gen.Select(
        Gen.Select(Name, Value, Blank, Blank, (name, value, before, after) => $"{before}\"{name}\"{after}:{before}{value}{after}").List[0, 6],
        Blank,
        Pick("", "", "", "\uFEFF", "[", "{}"),
        Gen.Int[0, 300],
        Gen.Int[0, 3],
        (fields, blank, prefix, cut, kind) =>
        {
            var body = $"{prefix}{blank}{{{string.Join(',', fields)}}}{blank}";
            return kind > 0 ? body : body[..Math.Min(cut, body.Length)];
        });

    private static (bool IsJson, long? Member) Reference(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text.TrimStart('\uFEFF'));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return (true, null);
            }
            var value = document.RootElement.EnumerateObject().FirstOrDefault(field => field.Name is "memberId" or "fromMemberId").Value;
            return (true, value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var member) && member > 0 ? member : null);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return (false, null);
        }
    }
}
