using PointSystem.Local.Garnet;
using PointSystem.Local.Postgres;
using PointSystem.Local.Sidecar;

// Each verb is a process that the app host or a test starts in place of a program that this machine lacks.
return args switch
{
    [SidecarCommand.Name, .. var rest] => await SidecarCommand.RunAsync(rest),
    [GarnetCommand.Name, .. var rest] => await GarnetCommand.RunAsync(rest),
    [PostgresCommand.Name, .. var rest] => await PostgresCommand.RunAsync(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        $"PointSystem.Local needs a verb: {PostgresCommand.Name}, {GarnetCommand.Name} or {SidecarCommand.Name}. "
        + "The app host starts them: dotnet run --project PointSystem.AppHost");
    return 1;
}
