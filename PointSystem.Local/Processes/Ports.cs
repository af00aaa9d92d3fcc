using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace PointSystem.Local.Processes;

/// <summary>Free TCP ports on the loopback interface.</summary>
internal static class Ports
{
    // Below the ephemeral port range of every system (Linux 32768+, others 49152+): a port given to a child must still be free when that
    // child is restarted, however many connections the gateway has opened in the meantime.
    private const int Lowest = 20_000;
    private const int Highest = 32_000;
    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Given = [];

    public static int Next()
    {
        lock (Gate)
        {
            for (var attempt = 0; attempt < 2_000; attempt++)
            {
                var port = RandomNumberGenerator.GetInt32(Lowest, Highest);
                if (!Given.Contains(port) && IsFree(port))
                {
                    Given.Add(port);
                    return port;
                }
            }
        }
        throw new LocalException($"No free TCP port between {Lowest} and {Highest} on 127.0.0.1: stop some programs that listen there.");
    }

    public static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
