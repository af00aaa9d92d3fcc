using System.CommandLine;
using PointSystem.Local;
using PointSystem.Local.Garnet;
using PointSystem.Local.Identity;
using PointSystem.Local.Postgres;
using PointSystem.Local.Sidecar;

// Each verb is one process that the app host or a test starts in the place of what this machine lacks.
if (args is [SidecarCommand.Name, .. var flags])
{
    return await SidecarCommand.RunAsync(flags);
}
try
{
    var parsed = new RootCommand("What a machine lacks, as one process. The app host starts it: dotnet run --project PointSystem.AppHost")
    {
        PostgresCommand.Create(),
        GarnetCommand.Create(),
        IdentityCommand.Create(),
        new Command(SidecarCommand.Name, "the lock sidecar stand-in; takes daprd's flags (docs/sidecar.md)"),
    }.Parse(args);
    return parsed.Answer(Console.Out) ? 0 : await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        // SIGTERM and Ctrl+C cancel the verb, which decides how long its end may take.
        ProcessTerminationTimeout = Timeout.InfiniteTimeSpan,
    });
}
catch (LocalException fault)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
