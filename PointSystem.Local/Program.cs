using PointSystem.Local.Garnet;
using PointSystem.Local.Gateway;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;
using PointSystem.Local.Runner;
using PointSystem.Local.Sidecar;

// The verbs are the processes that the runner starts; without one of them this is the runner itself.
return args switch
{
    ["sidecar", .. var rest] => await SidecarCommand.RunAsync(rest),
    ["garnet", .. var rest] => await GarnetCommand.RunAsync(rest),
    [PostgresCommand.Name, .. var rest] => await PostgresCommand.RunAsync(rest),
    [GatewayCommand.Name, .. var rest] => await GatewayCommand.RunAsync(rest),
    [ExecCommand.Name, .. var rest] => ExecCommand.Run(rest),
    [ReaperCommand.Name] => await ReaperCommand.RunAsync(Console.In, Console.Out, CancellationToken.None),
    _ => await RunnerCommand.RunAsync(args),
};
