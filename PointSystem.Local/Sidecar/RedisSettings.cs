using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PointSystem.Local.Sidecar;

/// <summary>The validated metadata of a <c>lock.redis</c> component.</summary>
internal sealed record RedisSettings
{
    public required DnsEndPoint Endpoint { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    public int Database { get; init; }

    public bool EnableTls { get; init; }

    public bool SkipTlsVerify { get; init; }

    /// <summary>The certificate for a Redis that demands one from its clients; null = none.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Maximum wait for a connection. Default 5 s.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Maximum wait for the reply to an unlock. Default 3 s.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Maximum wait for the reply to a lock. Default: the read timeout; never longer than it.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Whether daprd would retry commands with these settings. This program never retries.</summary>
    public bool RetriesAsked { get; init; }

    /// <summary>The address of Redis, for messages.</summary>
    public string Address => $"{Endpoint.Host}:{Endpoint.Port}";

    /// <exception cref="ComponentInitException">A value is missing, malformed, or requests something only daprd supports.</exception>
    public static RedisSettings From(IReadOnlyDictionary<string, string> properties)
    {
        string? Text(string name) => properties.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

        Refuse(Text("redisType") is { } type && !type.Equals("node", StringComparison.OrdinalIgnoreCase), "redisType other than node");
        bool Flag(string name) => Truth(name, Text(name));

        Refuse(Flag("failover") || Text("sentinelMasterName") is not null, "failover (Redis Sentinel)");
        Refuse(Flag("useEntraID") || Flag("useAzureAD") || Flag("useOIDC"), "Entra ID or OIDC authentication");

        var read = Duration(Text("readTimeout"), TimeSpan.FromSeconds(3));
        return new RedisSettings
        {
            Endpoint = Host(Text("redisHost"), Text("redisPort")),
            Username = Text("redisUsername"),
            Password = Text("redisPassword"),
            Database = Number("redisDB", Text("redisDB"), 0),
            EnableTls = Flag("enableTLS"),
            SkipTlsVerify = Flag("insecureSkipTLSVerify"),
            ClientCertificate = Certificate(Text("clientCert"), Text("clientKey")),
            DialTimeout = Duration(Text("dialTimeout"), TimeSpan.FromSeconds(5)),
            ReadTimeout = read,
            WriteTimeout = Shorter(read, Duration(Text("writeTimeout"), read)),
            // go-redis reads 0 as "the default of three"; only -1 disables retries.
            RetriesAsked = Number("redisMaxRetries", Text("redisMaxRetries") ?? Text("maxRetries"), 3) >= 0,
        };
    }

    private static DnsEndPoint Host(string? host, string? port)
    {
        if (host is null)
        {
            throw new ComponentInitException("metadata property redisHost is empty");
        }
        Refuse(host.Contains(',', StringComparison.Ordinal), "more than one redisHost");
        var colon = host.LastIndexOf(':');
        var hasPort = colon > 0 && (host.IndexOf(':', StringComparison.Ordinal) == colon || host[colon - 1] == ']');
        var given = hasPort ? host[(colon + 1)..] : null;
        if (given is not null && port is not null && given != port)
        {
            throw new ComponentInitException($"redis host \"{host}\" already contains port {given}, but redisPort is set to {port}");
        }
        var name = (hasPort ? host[..colon] : host).Trim('[', ']');
        return new DnsEndPoint(name, Number("redisHost", given ?? port, 6379));
    }

    private static void Refuse(bool asked, string what)
    {
        if (asked)
        {
            throw new ComponentInitException($"{what} is not supported by this stand-in; use real daprd");
        }
    }

    private static TimeSpan Shorter(TimeSpan read, TimeSpan write) =>
        read <= TimeSpan.Zero ? write : write <= TimeSpan.Zero || write > read ? read : write;

    private static int Number(string name, string? text, int defaultValue) =>
        text is null ? defaultValue
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw new ComponentInitException($"metadata property {name}: '{text}' is not a number");

    // As in go-redis, a duration of zero means the default, and a negative one means no limit.
    private static TimeSpan Duration(string? text, TimeSpan defaultValue)
    {
        try
        {
            return text is null || GoDuration.Parse(text) is var given && given == TimeSpan.Zero ? defaultValue : given;
        }
        catch (FormatException error)
        {
            throw new ComponentInitException(error.Message, error);
        }
    }

    // daprd leaves out a certificate without its key, and then Redis refuses the connection.
    private static X509Certificate2? Certificate(string? certificate, string? key)
    {
        if (certificate is null || key is null)
        {
            return certificate is null && key is null ? null : throw new ComponentInitException("clientCert and clientKey must be set together");
        }
        try
        {
            using var pem = X509Certificate2.CreateFromPem(certificate, key);
            // Through PKCS #12, because on Windows TLS cannot use a key that exists in memory only.
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
        }
        catch (CryptographicException error)
        {
            throw new ComponentInitException($"clientCert and clientKey are not a certificate and its key in PEM: {error.Message}", error);
        }
    }

    // The words of Go. Anything else is an error, as in daprd: a misspelt enableTLS must not mean a connection without TLS.
    private static bool Truth(string name, string? text) => text switch
    {
        null or "0" or "f" or "F" or "FALSE" or "false" or "False" => false,
        "1" or "t" or "T" or "TRUE" or "true" or "True" => true,
        _ => throw new ComponentInitException($"metadata property {name}: invalid bool \"{text}\""),
    };
}
