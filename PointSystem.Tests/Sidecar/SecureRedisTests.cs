using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using PointSystem.Locking;
using PointSystem.Tests.Deploy;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Sidecar;

/// <summary>The stand-in with a Redis that demands a password, a user or TLS, and with a token of its own.</summary>
public sealed class SecureRedisTests : SidecarSuite<StandIn>, IDisposable
{
    private const string Password = "a+long/password=";
    private readonly string _folder = Directory.CreateTempSubdirectory("points-secure-").FullName;

    public SecureRedisTests() => Needs.Redis(RedisServer.NotStarted().IsRedis);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Password_OfTheRepositorysComponent_IsUsed()
    {
        await using var redis = await RedisServer.StartAsync(Token, _ => ["--requirepass", Password]);

        await using (var sidecar = await StartAsync(redis, [.. Manifests.OfRepository()], ("REDIS_PASSWORD", Password)))
        {
            await LocksAndUnlocksAsync(sidecar);
        }

        await using var without = await StartAsync(redis, [.. Manifests.OfRepository()]);
        await using var wrong = await StartAsync(redis, [.. Manifests.OfRepository()], ("REDIS_PASSWORD", "another"));
        foreach (var refused in new[] { without, wrong })
        {
            Assert.Equal(StatusCode.FailedPrecondition, (await refused.LockFailureAsync("r", "o")).StatusCode);
            Assert.Contains("could not be created", refused.Process.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("another", refused.Process.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task User_ThatMayOnlyDoWhatTheTrialsManifestAllows_IsEnough()
    {
        // The rules are those of the manifest, in which the shell fills in name and password.
        var container = Yaml.Load(Path.Combine(BuildOutputs.Repository, "deploy", "kubernetes", "overlays", "trial", "redis.yaml"))
            .Single(manifest => manifest.Text("kind") == "Deployment")["spec"]!["template"]!["spec"]!["containers"].Items().Single();
        var rules = container["args"].Items().Single().GetValue<string>().Split('\n')
            .Where(line => line.Contains("echo \"user ", StringComparison.Ordinal)).Select(line => line.Split('"')[1]).ToList();
        Assert.Equal(2, rules.Count);
        var file = Path.Combine(_folder, "users.acl");
        await File.WriteAllLinesAsync(
            file,
            rules.Select(rule => rule
                .Replace("$REDIS_USERNAME", "locks", StringComparison.Ordinal).Replace("$REDIS_PASSWORD", Password, StringComparison.Ordinal)),
            Token);
        await using var redis = await RedisServer.StartAsync(Token, _ => ["--aclfile", file]);
        var user = new[] { ("REDIS_USERNAME", (string?)"locks"), ("REDIS_PASSWORD", Password) };

        await using var sidecar = await SidecarUnderTest.StartAsync(Program, redis, Manifests.OfRepository(), Token, "point-api", null, user);
        await LocksAndUnlocksAsync(sidecar);

        // Not the keys of anything else.
        await using var other = await SidecarUnderTest.StartAsync(Program, redis, Manifests.OfRepository(), Token, "another", null, user);
        Assert.Contains("NOPERM", (await other.LockFailureAsync("r", "o")).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_CertificateOfATrustedAuthority_IsUsedAndAnotherOneIsRefused()
    {
        var certificates = new TestCertificates(_folder);
        await using var redis = await RedisServer.StartAsync(Token, certificates.RedisArguments);
        (string, string)[] tls = [("enableTLS", "true")];

        await using (var trusted = await StartAsync(redis, [Manifests.LockStore(more: tls)], ("SSL_CERT_FILE", certificates.Authority)))
        {
            await LocksAndUnlocksAsync(trusted);
        }

        await using (var unchecked_ = await StartAsync(redis, [Manifests.LockStore(more: [.. tls, ("insecureSkipTLSVerify", "true")])]))
        {
            await LocksAndUnlocksAsync(unchecked_);
        }

        await using var untrusted = await StartAsync(redis, [Manifests.LockStore(ignoreErrors: true, timeout: "2s", more: tls)]);
        Assert.Equal(StatusCode.FailedPrecondition, (await untrusted.LockFailureAsync("r", "o")).StatusCode);
        await Eventually.SaysAsync(() => untrusted.Process.Output, "its certificate is not valid here: RemoteCertificateChainErrors");
    }

    [Fact]
    public async Task Tls_RedisDemandsACertificate_TheComponentsOneIsSent()
    {
        var certificates = new TestCertificates(_folder);
        await using var redis = await RedisServer.StartAsync(Token, port => [.. certificates.RedisArguments(port), "--tls-auth-clients", "yes"]);
        (string, string)[] tls = [("enableTLS", "true"), ("insecureSkipTLSVerify", "true")];

        await using (var known = await StartAsync(
            redis, [Manifests.LockStore(more: [.. tls, ("clientCert", certificates.ClientPem), ("clientKey", certificates.ClientKeyPem)])]))
        {
            await LocksAndUnlocksAsync(known);
        }

        await using var unknown = await StartAsync(redis, [Manifests.LockStore(ignoreErrors: true, timeout: "2s", more: tls)]);
        Assert.Equal(StatusCode.FailedPrecondition, (await unknown.LockFailureAsync("r", "o")).StatusCode);
    }

    [Fact]
    public async Task ApiToken_OfTheSidecar_IsSentByTheServicesClient()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await SidecarUnderTest.StartAsync(Program, redis, Manifests.OfRepository(), Token, apiToken: "the-token");
        var options = new LockOptions { Wait = TimeSpan.FromSeconds(10), Lease = TimeSpan.FromSeconds(10) };

        Assert.False(await IsFallbackAsync("the-token"));
        Assert.True(await IsFallbackAsync("another-token"));
        Assert.True(await IsFallbackAsync(""));

        async Task<bool> IsFallbackAsync(string token)
        {
            await using var replica = await LockReplica.StartAsync(
                store: null,
                [],
                ("DAPR_GRPC_ENDPOINT", $"http://127.0.0.1:{sidecar.GrpcPort}"),
                ("DAPR_API_TOKEN", token),
                // A slow machine must not cause a fallback here.
                ("Locking:AttemptTimeout", "00:00:05"),
                ("Locking:WarmUpTimeout", "00:00:10"));
            await using var handle = await replica.Locks.AcquireAsync($"point:use:member:{Fresh("m")}", options, Token);
            return handle.IsFallback;
        }
    }

    private static Task<SidecarUnderTest> StartAsync(RedisServer redis, string[] manifests, params (string Name, string? Value)[] environment) =>
        SidecarUnderTest.StartAsync(Program, redis, manifests, Token, "points", null, environment);

    private static async Task LocksAndUnlocksAsync(SidecarUnderTest sidecar)
    {
        var resource = "";
        await Eventually.HoldsAsync(() => sidecar.LockOrFailAsync(resource = Fresh("r"), "owner"), () => $"No lock is acquired: {sidecar.Process.Output}");
        Assert.False(await sidecar.LockAsync(resource, "other"));
        Assert.Equal(UnlockResponse.Types.Status.LockBelongsToOthers, await sidecar.UnlockAsync(resource, "other"));
        Assert.Equal(UnlockResponse.Types.Status.Success, await sidecar.UnlockAsync(resource, "owner"));
        Assert.Equal(UnlockResponse.Types.Status.LockDoesNotExist, await sidecar.UnlockAsync(resource, "owner"));
    }

    /// <summary>An authority of this test, and what it has signed.</summary>
    private sealed class TestCertificates
    {
        private readonly string _certificate;
        private readonly string _key;

        public TestCertificates(string folder)
        {
            using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=Test authority", authorityKey, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            using var authority = request.CreateSelfSigned(Now.AddDays(-2), Now.AddDays(2));
            Authority = Write("authority.pem", authority.ExportCertificatePem());
            var (server, serverKey) = Sign(authority, "redis");
            _certificate = Write("redis.pem", server);
            _key = Write("redis.key", serverKey);
            (ClientPem, ClientKeyPem) = Sign(authority, "sidecar");

            string Write(string name, string pem)
            {
                var path = Path.Combine(folder, name);
                File.WriteAllText(path, pem);
                return path;
            }
        }

        /// <summary>The authority's certificate, as a file.</summary>
        public string Authority { get; }

        public string ClientPem { get; }

        public string ClientKeyPem { get; }

        private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

        public IEnumerable<string> RedisArguments(int port) =>
        [
            "--port", "0", "--tls-port", port.ToString(CultureInfo.InvariantCulture), "--tls-cert-file", _certificate, "--tls-key-file", _key,
            "--tls-ca-cert-file", Authority, "--tls-auth-clients", "no",
        ];

        private static (string Certificate, string Key) Sign(X509Certificate2 authority, string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
            using var signed = request.Create(authority, Now.AddDays(-1), Now.AddDays(1), RandomNumberGenerator.GetBytes(8));
            return (signed.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
        }
    }
}
