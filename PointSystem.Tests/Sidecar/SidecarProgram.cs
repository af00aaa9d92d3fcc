using System.Globalization;
using PointSystem.Local.Sidecar;

namespace PointSystem.Tests.Sidecar;

/// <summary>A program that speaks Dapr's lock API: the stand-in, or daprd itself.</summary>
public abstract class SidecarProgram
{
    /// <summary>Why the program is not available, or null if it is.</summary>
    public abstract string? Missing { get; }

    internal abstract ChildProcess Launch(IReadOnlyList<string> flags, IReadOnlyDictionary<string, string?> environment);
}

/// <summary>The stand-in sidecar of PointSystem.Local.</summary>
public sealed class StandIn : SidecarProgram
{
    public override string? Missing => null;

    internal override ChildProcess Launch(IReadOnlyList<string> flags, IReadOnlyDictionary<string, string?> environment) =>
        ChildProcess.StartLocal(["sidecar", .. flags, "--exit-with-stdin"], environment);
}

/// <summary>Dapr's own sidecar: from <c>DAPRD_PATH</c>, PATH, or the folder of <c>dapr init</c>.</summary>
public sealed class Daprd : SidecarProgram
{
    private static readonly string? Executable = SidecarSpecs.FindDaprd();

    public override string? Missing => Executable is null ? "daprd is not installed." : null;

    internal override ChildProcess Launch(IReadOnlyList<string> flags, IReadOnlyDictionary<string, string?> environment) => ChildProcess.Start(
        Executable!,
        [.. flags, "--enable-metrics=false", "--dapr-internal-grpc-port", Ports.Next().ToString(CultureInfo.InvariantCulture)],
        environment);
}
