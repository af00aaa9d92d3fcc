using System.Globalization;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Sidecar;

/// <summary>A program that speaks Dapr's lock API: the stand-in, or daprd itself.</summary>
public abstract class SidecarProgram
{
    /// <summary>Why the program cannot be run here, or null.</summary>
    public abstract string? Missing { get; }

    internal abstract ChildProcess Launch(IReadOnlyList<string> flags, IReadOnlyDictionary<string, string?> environment);
}

/// <summary>PointSystem.Local's sidecar.</summary>
public sealed class StandIn : SidecarProgram
{
    public override string? Missing => null;

    internal override ChildProcess Launch(IReadOnlyList<string> flags, IReadOnlyDictionary<string, string?> environment) =>
        Programs.StartLocal(["sidecar", .. flags, "--exit-with-stdin"], environment);
}

/// <summary>Dapr's own sidecar: <c>DAPRD_PATH</c>, PATH, or where <c>dapr init</c> puts it.</summary>
public sealed class Daprd : SidecarProgram
{
    private static readonly string? Executable = Environment.GetEnvironmentVariable("DAPRD_PATH") is { Length: > 0 } given
        ? given
        : Programs.Find("daprd", Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dapr", "bin"));

    public override string? Missing => Executable is null ? "daprd was not found in DAPRD_PATH, PATH or ~/.dapr/bin" : null;

    internal override ChildProcess Launch(IReadOnlyList<string> flags, IReadOnlyDictionary<string, string?> environment) => ChildProcess.Start(
        Executable!,
        [.. flags, "--enable-metrics=false", "--dapr-internal-grpc-port", FreePort.Next().ToString(CultureInfo.InvariantCulture)],
        environment);
}
