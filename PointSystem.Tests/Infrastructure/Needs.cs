namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// Why a test may be skipped: there is no other reason. The file <c>.ci/skips</c> lists the sentences, and <c>.ci/run</c> fails on any other skip.
/// </summary>
internal static class Needs
{
    /// <summary>SIGTERM, SIGSTOP and SIGCONT.</summary>
    public static void Signals() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");

    /// <summary><c>CONFIG SET maxmemory</c>, which Garnet does not know.</summary>
    public static void Redis(bool isRedis) => Assert.SkipUnless(isRedis, "redis-server is not installed.");

    /// <summary>A server that the test may kill.</summary>
    public static void OwnPostgres() =>
        Assert.SkipUnless(Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_POSTGRES") is null or "", "The PostgreSQL of POINTSYSTEM_TEST_POSTGRES is not ours to kill.");

    /// <summary>The program's path.</summary>
    /// <param name="name">On PATH.</param>
    /// <param name="places">More folders, for programs that stand where not every user's PATH leads.</param>
    public static string Program(string name, params string[] places)
    {
        var path = Executables.OnPath(name) ?? places.Select(place => Path.Combine(place, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{name} is not installed.");
        return path;
    }
}
