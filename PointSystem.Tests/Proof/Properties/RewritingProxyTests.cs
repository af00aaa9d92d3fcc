using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>The proxy that takes the row lock out of the statements: it must never hold back a message that is complete.</summary>
public sealed class RewritingProxyTests
{
    // A SASL answer ends with a random nonce, so one in 64 ends like the words begin.
    private static readonly byte[] _startup = [0, 0, 0, 8, 0, 3, 0, 0];
    private static readonly byte[] _answer = Message('p', "n,,n=*,r=kC9xF");
    private static readonly byte[] _query = Message('Q', "SELECT 1 FROM t FOR UPDATE\0");

    /// <summary>The packets end in another place each time, also within a length and within the words.</summary>
    [Fact]
    public async Task Send_PacketsOfEverySize_EveryMessageArrivesWithoutTheWords()
    {
        byte[] sent = [.. _startup, .. _answer, .. _query, .. _answer];
        byte[] expected = [.. _startup, .. _answer, .. Message('Q', "SELECT 1 FROM t           \0"), .. _answer];
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        await using var proxy = new RewritingProxy($"Host=127.0.0.1;Port={port}", "FOR UPDATE"u8.ToArray());
        for (var size = 1; size <= sent.Length; size++)
        {
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(IPAddress.Loopback, proxy.Port, Token);
            using var accepted = await server.AcceptTcpClientAsync(Token);
            foreach (var packet in sent.Chunk(size))
            {
                await client.GetStream().WriteAsync(packet, Token);
            }
            var arrived = new byte[sent.Length];
            await accepted.GetStream().ReadExactlyAsync(arrived, Token);
            Assert.Equal(expected, arrived);
        }
        Assert.Equal(sent.Length, proxy.Rewritten);
    }

    private static byte[] Message(char type, string content)
    {
        var length = content.Length + sizeof(int);
        return [(byte)type, 0, 0, (byte)(length >> 8), (byte)length, .. Encoding.ASCII.GetBytes(content)];
    }
}
