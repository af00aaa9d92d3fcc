using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PointSystem.Tests.Gateway;

/// <summary>The headers that browsers need, through the gateway and of its own answers.</summary>
public sealed class SecurityHeaderTests(ClusterFixture clusters)
{
    private static readonly string[] Names = ["X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy"];

    [Theory]
    [InlineData("/api/points/balance/1")]
    [InlineData("/api/points/balance/none")]
    [InlineData("/nowhere")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/scalar/")]
    [InlineData("/scalar/scalar.js")]
    [InlineData("/health/ready")]
    [InlineData("/metrics")]
    public async Task Answer_ThroughTheGateway_HasEachHeaderOnce(string path)
    {
        var cluster = await clusters.GetAsync(Token);
        using var client = new HttpClient { BaseAddress = cluster.GatewayUrl };

        using var answer = await client.GetAsync(path, Token);

        Assert.All(Names, name => Assert.Single(answer.Headers.GetValues(name)));
        Assert.Equal("nosniff", answer.Headers.GetValues(Names[0]).Single());
        Assert.Equal("no-referrer", answer.Headers.GetValues(Names[1]).Single());
        Assert.Contains("frame-ancestors 'none'", answer.Headers.GetValues(Names[2]).Single(), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
        if (path.StartsWith("/api", StringComparison.Ordinal))
        {
            Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());
        }
    }

    [Fact]
    public async Task ProblemOfTheGateway_HasTheHeaders()
    {
        await using var gateway = await RunningGateway.StartAsync();
        using var client = new HttpClient { BaseAddress = gateway.Url };

        using var answer = await client.GetAsync("/api/points/balance/1", Token);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.All(Names, name => Assert.Single(answer.Headers.GetValues(name)));
    }

    [Theory]
    [InlineData("points.example.com", true)]
    [InlineData("localhost", false)]
    public async Task Tls_TellsBrowsersToUseNothingElse_ExceptForThisMachine(string host, bool told)
    {
        var folder = Directory.CreateTempSubdirectory("points-tls-");
        try
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest("CN=points.example.com", key, HashAlgorithmName.SHA256)
                .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
            var (file, keyFile) = (Path.Combine(folder.FullName, "tls.pem"), Path.Combine(folder.FullName, "tls.key"));
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem(), Token);
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem(), Token);
            await using var gateway = await RunningGateway.StartAsync(
                [], "--urls", "https://127.0.0.1:0", $"--Kestrel:Certificates:Default:Path={file}", $"--Kestrel:Certificates:Default:KeyPath={keyFile}");
            using var handler = new HttpClientHandler
            {
                ServerCertificateCustomValidationCallback = (_, seen, _, _) => seen!.Thumbprint == certificate.Thumbprint,
            };
            using var client = new HttpClient(handler) { BaseAddress = gateway.Url };
            using var request = new HttpRequestMessage(HttpMethod.Get, "/health/live") { Headers = { Host = host } };

            using var answer = await client.SendAsync(request, Token);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(told ? ["max-age=31536000"] : [], answer.Headers.TryGetValues("Strict-Transport-Security", out var values) ? values : []);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
