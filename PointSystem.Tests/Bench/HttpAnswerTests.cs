using System.Text;
using System.Text.Json;
using PointSystem.Bench.Load;

namespace PointSystem.Tests.Bench;

public sealed class HttpAnswerTests
{
    private const string Created = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";

    [Theory]
    [InlineData(Created, 201)]
    [InlineData("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", 204)]
    [InlineData("HTTP/1.1 423 Locked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 423)]
    public void TryRead_WholeAnswer_GivesItsStatus(string text, int expected)
    {
        Assert.True(HttpAnswer.TryRead(Encoding.ASCII.GetBytes(text), out var status, out var close));
        Assert.Equal(expected, status);
        Assert.False(close);
    }

    [Fact]
    public void TryRead_EveryIncompleteAnswer_WaitsForTheRest()
    {
        var bytes = Encoding.ASCII.GetBytes(Created);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(HttpAnswer.TryRead(bytes.AsSpan(0, length), out _, out _));
        }
    }

    [Fact]
    public void TryRead_ConnectionClose_IsReported()
    {
        Assert.True(HttpAnswer.TryRead("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"u8, out _, out var close));
        Assert.True(close);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void UseRequest_Next_HasTheSameLengthAndANewOrder(bool withKey)
    {
        var request = new UseRequest("127.0.0.1:1", "T", amount: 3, withKey);
        var first = Encoding.ASCII.GetString(request.Next(7));
        var second = Encoding.ASCII.GetString(request.Next(1_234_567_890_123));

        Assert.Equal(first.Length, second.Length);
        var body = second[(second.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        Assert.Contains($"\r\nContent-Length: {body.Length}\r\n", second, StringComparison.Ordinal);
        Assert.Equal(withKey, first.Contains("\r\nIdempotency-Key: T-0000000001\r\n", StringComparison.Ordinal));
        Assert.Equal(withKey, second.Contains("\r\nIdempotency-Key: T-0000000002\r\n", StringComparison.Ordinal));
        var json = JsonDocument.Parse(body).RootElement;
        Assert.Equal(1_234_567_890_123, json.GetProperty("memberId").GetInt64());
        Assert.Equal(("T-0000000002", 3), (json.GetProperty("orderNumber").GetString(), json.GetProperty("amount").GetInt32()));
    }
}
