using System.Security.Claims;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using PointSystem.Local;
using PointSystem.Local.Postgres;

namespace PointSystem.Tests.Local;

public sealed class LocalPartsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("points-parts-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void NewestFirst_VersionsInDirectoryNames_OrdersByNumberNotByText() => Assert.Equal(
        ["/usr/lib/postgresql/18", "/usr/lib/postgresql/10", "/usr/lib/postgresql/9.6"],
        PostgresBinaries.NewestFirst(["/usr/lib/postgresql/9.6", "/usr/lib/postgresql/18", "/usr/lib/postgresql/10"]));

    [Fact]
    public async Task Create_AdminToken_IsValidForTheApi()
    {
        var secrets = Secrets.LoadOrCreate(_directory);
        var clock = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

        var token = new TokenIssuer(secrets.SigningKey, clock).Create("local-admin", ["admin"], TimeSpan.FromDays(30));

        var result = await new JsonWebTokenHandler().ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = "pointsystem-local",
            ValidAudience = "pointsystem",
            IssuerSigningKey = new SymmetricSecurityKey(Convert.FromBase64String(secrets.SigningKey)),
            ValidateLifetime = false,
        });
        Assert.True(result.IsValid, result.Exception?.Message);
        Assert.Equal("local-admin", result.Claims["sub"]);
        Assert.Contains(result.ClaimsIdentity.Claims, claim => claim is { Type: "role" or ClaimTypes.Role, Value: "admin" });
        Assert.Equal(clock.GetUtcNow().AddDays(30).UtcDateTime, result.SecurityToken.ValidTo);
    }

    [Fact]
    public void LoadOrCreate_Twice_KeepsTheKey()
    {
        var first = Secrets.LoadOrCreate(_directory);

        Assert.Equal(first, Secrets.LoadOrCreate(_directory));
        Assert.True(Convert.FromBase64String(first.SigningKey).Length >= 32);
    }

    [Fact]
    public void Open_DirectoryWithForeignFiles_IsRefusedAndUnchanged()
    {
        var file = Path.Combine(_directory, "thesis.txt");
        File.WriteAllText(file, "years of work");

        var error = Assert.Throws<LocalException>(() => DataDirectory.Open(_directory));

        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
        Assert.Equal([file], Directory.EnumerateFileSystemEntries(_directory));
    }

    [Fact]
    public void Open_AlreadyOpen_NamesTheOtherRunner()
    {
        using var first = DataDirectory.Open(_directory);

        var error = Assert.Throws<LocalException>(() => DataDirectory.Open(_directory));

        Assert.Contains($"process {Environment.ProcessId}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Next_ManyPorts_AreDistinctAndOutsideTheRangeOfOutgoingConnections()
    {
        var ports = Enumerable.Range(0, 50).Select(_ => Ports.Next()).ToList();

        Assert.Equal(50, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 20_000, 32_000));
    }
}
