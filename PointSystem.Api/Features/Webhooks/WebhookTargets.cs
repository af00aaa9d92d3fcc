using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>
/// Where webhooks may be sent: to public addresses, and to those that <see cref="WebhookOptions.AllowedNetworks"/> allows. A name is resolved once for
/// each connection, and the connection goes to the addresses that were checked, so that no name can first mean a public address and then ours.
/// </summary>
internal sealed class WebhookTargets(IOptions<WebhookOptions> options)
{
    private const string RefusedAddress = "refused: the address is not public";

    // Special-purpose address registries of IANA (RFC 6890), multicast and reserved.
    private static readonly IPNetwork[] NotPublic4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(IPNetwork.Parse),
    ];

    // Global unicast, without protocol assignments (Teredo among them), documentation, and 6to4, which leads to IPv4 addresses.
    private static readonly IPNetwork Public6 = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork[] NotPublic6 =
        [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(IPNetwork.Parse)];

    private readonly IPNetwork[] _allowed = [.. options.Value.AllowedNetworks.Select(IPNetwork.Parse)];

    /// <summary>What is wrong with a URL, as the end of a sentence that begins with the name of the field; null if nothing is.</summary>
    public string? FindFault(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp))
        {
            return "be an absolute URL with https";
        }

        if (url.UserInfo.Length > 0)
        {
            return "not contain a user name or a password";
        }

        if (url.Fragment.Length > 0)
        {
            return "not contain a fragment";
        }

        if (url.Scheme == Uri.UriSchemeHttp && _allowed.Length == 0)
        {
            return "use https";
        }

        // Names are looked up at each connection; an address is as it stands here.
        return IPAddress.TryParse(url.IdnHost.Trim('[', ']'), out var address) && !IsAllowed(address, url.Scheme)
            ? "lead to a public address; Webhooks:AllowedNetworks allows others"
            : null;
    }

    /// <summary>Opens a connection for <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <exception cref="HttpRequestException">No address of the name is allowed.</exception>
    /// <exception cref="SocketException">The name is unknown, or no address accepts the connection.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var scheme = context.InitialRequestMessage.RequestUri!.Scheme;
        var known = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellationToken);
        var allowed = known.Where(address => IsAllowed(address, scheme)).ToArray();
        if (allowed.Length == 0)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, RefusedAddress);
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether this is the exception of a refused address.</summary>
    public static bool IsRefusal(Exception exception) => exception is HttpRequestException { Message: RefusedAddress };

    internal static bool IsPublic(IPAddress address)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return address.AddressFamily == AddressFamily.InterNetwork
            ? !Array.Exists(NotPublic4, network => network.Contains(address))
            : Public6.Contains(address) && !Array.Exists(NotPublic6, network => network.Contains(address));
    }

    private bool IsAllowed(IPAddress address, string scheme)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return Array.Exists(_allowed, network => network.Contains(address)) || (scheme == Uri.UriSchemeHttps && IsPublic(address));
    }
}
