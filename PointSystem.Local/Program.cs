using PointSystem.Local.Garnet;
using PointSystem.Local.Sidecar;

return args switch
{
    ["sidecar", .. var rest] => await SidecarCommand.RunAsync(rest),
    ["garnet", .. var rest] => await GarnetCommand.RunAsync(rest),
    _ => 0,
};
