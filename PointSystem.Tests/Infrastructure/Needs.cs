namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// The only reasons to skip a test. The file <c>.ci/skips</c> lists their sentences, and <c>.ci/run</c> fails on any other skip.
/// </summary>
internal static class Needs
{
    /// <summary>The test needs SIGTERM, SIGSTOP or SIGCONT.</summary>
    public static void Signals() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");

    /// <summary>The test needs the file modes of Unix.</summary>
    public static void FileModes() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no file modes.");

    /// <summary>The test needs <c>CONFIG SET maxmemory</c>, TLS or users, which Garnet does not have or is not started with.</summary>
    public static void Redis(bool isRedis) => Assert.SkipUnless(isRedis, "redis-server is not installed.");

    /// <summary>The test needs a PostgreSQL server that it may kill.</summary>
    public static void OwnPostgres() =>
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_POSTGRES") is null or "",
            "The PostgreSQL of POINTSYSTEM_TEST_POSTGRES is not ours to kill.");

    /// <summary>The test needs an installed program. Returns its path.</summary>
    /// <param name="name">The program, which is searched on PATH.</param>
    /// <param name="places">More folders to search, for programs that are not on every user's PATH.</param>
    public static string Program(string name, params string[] places)
    {
        var path = Executables.OnPath(name) ?? places.Select(place => Path.Combine(place, name)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{name} is not installed.");
        return path;
    }
}
